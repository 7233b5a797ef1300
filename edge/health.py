"""Whether a conversation would find the services it needs, as `/v1/health` reports it.

The edge asks for the mesh's health instead of watching it: a watch reports a replica that hangs as SERVING.
"""

import asyncio
from collections.abc import Callable

import msgspec
from grpc.aio import Channel, UnaryUnaryMultiCallable

from mesh.discovery.search import Limits, Replicas, any_serving, ask, known_down
from mesh.errors import MeshError, UpstreamDown
from mesh.process.metrics import version
from mesh.times import loop_time
from parley.conversation.v1.conversation_pb2 import DescribeServiceRequest, DescribeServiceResponse
from parley.conversation.v1.conversation_pb2_grpc import ConversationServiceStub

CACHED_FOR_S = 0.5
"""How long an answer is used again: every page that is open asks."""

_FOLLOWED_EVERY_S = 1.0
_FOLLOWED_RARELY_S = 5.0
"""How often the mesh is asked while clients come, and when none has come for `_QUIET_AFTER_S`."""

_QUIET_AFTER_S = 10.0

_FRESH_S = 2.0
"""For how long a good report lets a conversation begin without another question."""

_NEEDED = ("tts", "stt", "llm")
"""What no conversation can do without."""


_UNMUTES = ("tts_up", "stt_up", "llm_up", "voice_cloning_up", "ok")
"""The fields of Unmute's report."""

_DESCRIBED_WITHIN = Limits(one_try=0.5, search=0.5)


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """Unmute's answer about health, what a conversation would be like, and the version of Parley."""

    tts_up: bool
    stt_up: bool
    llm_up: bool
    voice_cloning_up: bool
    ok: bool
    """Whether a conversation can be held. Cloning is not needed for that."""
    clones_pitch_only: bool = False
    """Whether a voice made of a recording is only eSpeak's at another pitch and pace."""
    model: str = ""
    """The language model's name; empty: not known."""
    answers_by_rules: bool = False
    """Whether the built-in responder answers, which is no language model."""
    can_record: bool = False
    """Whether conversations are recorded if the person consents."""
    version: str = msgspec.field(default_factory=version)
    """Of Parley, as this edge has it."""


class Unhealthy(UpstreamDown):
    """Something that every conversation needs is down."""

    default_reason = "UNHEALTHY"

    def __init__(self, report: HealthReport) -> None:
        parts = " ".join(f"{name}={getattr(report, name)}" for name in _UNMUTES)
        super().__init__(f"Server is not healthy: {parts}")


class MeshHealth:
    """Asks the orchestrator about what it depends on, and the voice service about cloning.

    Both serve these as health names of their own; an unknown name counts as down. `checked` is called with the report
    of each check. There is one check at a time, and at most two a second, however many clients ask.
    """

    def __init__(self, orchestrators: Replicas, voices: Replicas, checked: Callable[[HealthReport], None]) -> None:
        self._orchestrators = orchestrators
        self._voices = voices
        self._checked = checked
        self._asking = asyncio.Lock()
        self._report: HealthReport | None = None
        self._reported_at = 0.0
        self._well_at = float("-inf")
        """When all was well."""
        self._wanted_at = float("-inf")
        """When a client last wanted to know."""

    async def report(self) -> HealthReport:
        """How things are, or were half a second ago. Never fails, and takes at most 2 s."""
        self._wanted_at = loop_time()
        return await self._checked_report()

    async def _checked_report(self) -> HealthReport:
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        async with self._asking:
            # A caller that waited for a check gets its answer, even if others got theirs first.
            if self._report is None or self._reported_at < asked_at - CACHED_FOR_S:
                self._report = await self._ask_all()
                self._reported_at = clock()
                self._checked(self._report)
            return self._report

    async def follow(self) -> None:
        """Keep up with how things are, until cancelled, so that `require` need not ask while all is well."""
        while True:
            self._well_at = self._reported_at if (await self._checked_report()).ok else float("-inf")
            is_quiet = loop_time() - self._wanted_at > _QUIET_AFTER_S
            await asyncio.sleep(_FOLLOWED_RARELY_S if is_quiet else _FOLLOWED_EVERY_S)

    async def require(self) -> None:
        """Raise `Unhealthy` if something that a conversation needs is known to be down.

        A service whose state is unknown does not count as down: the conversation fails with an error that names it.
        """
        self._wanted_at = loop_time()
        if loop_time() - self._well_at < _FRESH_S:
            return
        if not any(await asyncio.gather(*(known_down(self._orchestrators, name) for name in _NEEDED))):
            return
        report = await self.report()
        if not report.ok:
            raise Unhealthy(report)

    async def _ask_all(self) -> HealthReport:
        tts, stt, llm, cloning, pitch_only, described = await asyncio.gather(
            any_serving(self._orchestrators, "tts"),
            any_serving(self._orchestrators, "stt"),
            any_serving(self._orchestrators, "llm"),
            any_serving(self._voices, "cloning"),
            any_serving(self._voices, "cloning/espeak"),
            self._described(),
        )
        return HealthReport(
            tts_up=tts,
            stt_up=stt,
            llm_up=llm,
            voice_cloning_up=cloning,
            ok=tts and stt and llm,
            clones_pitch_only=pitch_only,
            model=described.model,
            answers_by_rules=described.answers_by_rules,
            can_record=described.can_record,
        )

    async def _described(self) -> DescribeServiceResponse:
        """What the orchestrator says of conversations; nothing if it cannot be asked."""
        try:
            return await ask(self._orchestrators, _describe, DescribeServiceRequest(), _DESCRIBED_WITHIN)
        except MeshError:
            return DescribeServiceResponse()


def _describe(channel: Channel) -> "UnaryUnaryMultiCallable[DescribeServiceRequest, DescribeServiceResponse]":
    return ConversationServiceStub(channel).DescribeService
