"""`ConversationService`: admits a conversation and holds it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager

import grpc
import structlog

from mesh.audio import SAMPLE_RATE, negotiate
from mesh.discovery.search import Replicas
from mesh.errors import AtCapacity, Draining, MissingServiceAtCapacity
from mesh.process import logs
from mesh.process.lag import Overload
from mesh.rpc.streams import before_idle, first_request
from mesh.times import duration
from orchestrator.conversation import events as ev
from orchestrator.prompts.prompts import Prompts
from orchestrator.recorder import Recordings
from orchestrator.session.checkpoints import Checkpoints
from orchestrator.session.opening import Resumption, history_of, metadata_of, resumption_of
from orchestrator.session.options import SessionOptions
from orchestrator.session.reply import Upstreams
from orchestrator.session.requests import HungUp, Requests
from orchestrator.session.session import Session
from orchestrator.session.text_limits import check_texts
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1 import conversation_pb2 as pb
from parley.conversation.v1.conversation_pb2_grpc import ConversationServiceServicer

RULES = "parley-responder"
"""What the built-in responder calls itself in its list of models."""

_TYPED_RETRY_S = 5.0
"""When a client may ask again after the last place for a typed conversation was taken."""

_OPENINGS_AT_ONCE = 16
"""Recognisers that are sought. If more conversations begin at once, they wait: all would be too slow together."""

_CALMER_IN_S = 2.0
"""When a client may come back that came while this process was overloaded."""

_FAREWELL_S = 0.5
"""How long before the process cuts off its calls the conversations that are left are ended."""

_log = structlog.get_logger()

Context = grpc.aio.ServicerContext[pb.ConverseRequest, pb.ConverseResponse]


class ConversationServicer(ConversationServiceServicer):
    """Serves `Converse`. `stt`, `upstreams`, `prompts` and `recordings` are shared by all conversations.

    While `overload` lasts, conversations that would be new are refused.
    """

    def __init__(
        self,
        settings: OrchestratorSettings,
        stt: Replicas,
        upstreams: Upstreams,
        prompts: Prompts,
        recordings: Recordings,
        *,
        overload: Overload | None = None,
    ) -> None:
        self._settings = settings
        self._overload = overload
        self._openings = asyncio.Semaphore(_OPENINGS_AT_ONCE)
        self._stt = stt
        self._upstreams = upstreams
        self._prompts = prompts
        self._recordings = recordings
        self._checkpoints = Checkpoints(settings.checkpoint_key)
        self._sessions: set[Session] = set()
        self._typed = 0
        """Typed conversations that are held."""

    async def DescribeService(  # noqa: N802 - the contract's name
        self,
        _request: pb.DescribeServiceRequest,
        _context: grpc.aio.ServicerContext[pb.DescribeServiceRequest, pb.DescribeServiceResponse],
    ) -> pb.DescribeServiceResponse:
        """Say what answers here, and whether it may be recorded."""
        model = self._upstreams.model.chosen_name
        return pb.DescribeServiceResponse(
            model=model, answers_by_rules=model == RULES, can_record=bool(self._settings.recordings_folder)
        )

    async def leave(self, draining: asyncio.Event, limit_s: float) -> None:
        """Once the process drains, have every conversation go on elsewhere; end those that are left after `limit_s`."""
        await draining.wait()
        for session in self._sessions:
            session.go_away(limit_s)
        await asyncio.sleep(max(0.0, limit_s - _FAREWELL_S))
        for session in self._sessions:
            session.end_early(Draining("this replica stops"))

    @contextmanager
    def _held(self, session: Session) -> Iterator[None]:
        self._sessions.add(session)
        try:
            yield
        finally:
            self._sessions.discard(session)

    @contextmanager
    def _typed_slot(self) -> Iterator[None]:
        """Count a typed conversation meanwhile. Nothing else limits them: they take no recogniser."""
        if self._typed >= self._settings.typed_capacity:
            raise MissingServiceAtCapacity.of("typed conversation", retry_after=_TYPED_RETRY_S)
        self._typed += 1
        try:
            yield
        finally:
            self._typed -= 1

    def _refuse_if_overloaded(self) -> None:
        """Raise `AtCapacity` while this process has more to do than it can."""
        if self._overload is not None and self._overload.lasts:
            raise AtCapacity("this replica has more to do than it can", retry_after=_CALMER_IN_S)

    def _resumption(self, config: pb.ConverseConfig) -> Resumption | None:
        """Where the conversation goes on; None: it is a new one."""
        return resumption_of(config, self._checkpoints) if config.HasField("resume") else None

    # A coroutine rather than a generator: see `mesh.rpc.interceptor`.
    async def Converse(  # type: ignore[override]  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[pb.ConverseRequest], context: Context
    ) -> None:
        """Hold one conversation. A config that cannot be, or one conversation too many, is refused before `started`."""
        requests = before_idle(requests, self._settings.idle_limit_s)
        opening = await first_request(requests)
        check_texts(opening)
        config = opening.config
        request_id = opening.request_id if opening.HasField("request_id") else None
        resumption = self._resumption(config)
        if resumption is None:
            self._refuse_if_overloaded()
        resumed = resumption.snapshot if resumption else None
        session_id = resumed.session_id if resumed else secrets.token_hex(8)
        logs.bind_session(session_id)

        input_format = None if config.typed_only else negotiate(config.input_format, field="config.input_format")
        output_format = negotiate(config.output_format, field="config.output_format")
        options = (
            SessionOptions.restored(self._upstreams.model, self._prompts, resumed.session, resumed.state.policy)
            if resumed
            else SessionOptions(self._upstreams.model, self._prompts, speculative=self._settings.speculative_start)
        )
        configured = options.change(config.session)
        history, metadata = history_of(config.history), metadata_of(resumed.metadata if resumed else config.metadata)
        limit = self._settings.stall_limit_s
        session = Session(
            session_id,
            self._stt,
            self._upstreams,
            output_format,
            limit,
            options=options,
            recordings=self._recordings,
            metadata=metadata,
            unused_limit_s=self._settings.unused_recognizer_s,
            resumed=resumed,
            position=resumption.position if resumption else 0,
        )
        session.checkpoints = self._checkpoints if config.checkpoints else None
        async with AsyncExitStack() as exits:
            if config.typed_only:
                exits.enter_context(self._typed_slot())
            exits.enter_context(self._held(session))
            exits.push_async_callback(session.recorder.close)
            work = []
            if not config.typed_only:
                session.recognition.set_language(options.language)
                async with self._openings:
                    recognition = await exits.enter_async_context(session.recognition.open())
                work.append(session.recognition.run(recognition))
            work.append(session.begin(resumption.event if resumption else None))
            _log.info(
                "conversation admitted", typed_only=config.typed_only, metadata=metadata, resumed=resumed is not None
            )
            started = pb.ConverseStarted(
                session_id=session_id,
                input_format=input_format,
                output_format=output_format,
                session=options.effective(),
                audio_offset=duration(resumption.position / SAMPLE_RATE) if resumption else None,
            )
            session.send(pb.ConverseResponse(started=started), request_id)
            session.configure(config.session, configured, request_id)
            if history:
                session.notify(ev.HistoryGiven(history))
            client = Requests(session, options, input_format)
            try:
                await session.run(context.write, client.run(requests), *work)
            except HungUp:
                _log.info("client hung up")
        _log.info("conversation over")
