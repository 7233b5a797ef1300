"""What one session records, and whether it may."""

import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from types import MappingProxyType

import structlog
from google.protobuf.json_format import MessageToDict

from orchestrator.conversation import State
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event
from orchestrator.recorder import records
from orchestrator.recorder.files import RecordingFile, Recordings
from parley.conversation.v1.conversation_pb2 import SessionConfig

_PRODUCT = version("parley")

_MOST_WAITING_BYTES = 16 << 20
"""What may wait for a slow disk: minutes of speech."""

_log = structlog.get_logger()


class Recorder:
    """Records a session from the moment the person consents; `now` gives the session's time.

    A recording has a whole conversation or nothing of it: what was said before consent is not in it, and without that
    the rest could not be replayed. So consent that comes after the first words begins none. Consent that is withdrawn,
    or refused, deletes what there is, and nothing of the session is recorded any more, whatever comes later.
    """

    def __init__(
        self,
        recordings: Recordings,
        session_id: str,
        now: Callable[[], float],
        metadata: Mapping[str, str] = MappingProxyType({}),
        *,
        over: bool = False,
    ) -> None:
        """`over`: the session was recorded elsewhere, or refused to be, and is not recorded here."""
        self._recordings = recordings
        self._session_id = session_id
        self._now = now
        self._metadata = metadata
        self._file: RecordingFile | None = None
        self._refused = over
        self._recorded_elsewhere = over
        self._ended = False
        """Nothing more is taken."""

    @property
    def has_begun(self) -> bool:
        """Whether the session was recorded, or refused to be: another process must not begin to record it."""
        return self._refused or self._file is not None

    @property
    def is_recording(self) -> bool:
        """Whether what happens now is recorded."""
        return self._file is not None and not self._ended

    # --- consent ------------------------------------------------------------------------------------------------------

    def apply_config(self, config: SessionConfig, state: State) -> None:
        """Begin or delete, as `config` asks, before the core in its `state` takes in what `config` changes."""
        if config.HasField("recording_consent"):
            if config.recording_consent:
                self._begin(state)
            else:
                self.refuse()
        if self.is_recording:
            self._write(records.Session(now=self._now(), session=MessageToDict(config)))

    def refuse(self) -> None:
        """Delete what there is, and record nothing any more."""
        self._refused = self._ended = True
        if self._file:
            self._file.discard()
        if self._recorded_elsewhere:
            self._recordings.delete(self._session_id)

    def _begin(self, state: State) -> None:
        if self._file or self._refused:
            return
        if _has_words(state):
            _log.info("consent came after the first words: this session is not recorded")
            self._refused = True
            return
        now = self._now()
        started_wall = time.time() - now
        self._file = self._recordings.new_file(self._session_id, started_wall)
        if self._file:
            header = records.Header(
                now=now,
                product=_PRODUCT,
                session_id=self._session_id,
                started_wall=started_wall,
                metadata=dict(self._metadata),
                state=state,
            )
            self._write(header)

    # --- what happens -------------------------------------------------------------------------------------------------

    def record_audio(self, reply_id: str, start: int, pcm: bytes) -> None:
        """Record what the step that comes next releases: 16-bit PCM, 24 kHz, from the reply's sample `start` on."""
        if self.is_recording:
            self._write(records.Audio(now=self._now(), reply_id=reply_id, start=start, pcm=pcm))

    def record_step(self, now: float, event: Event | None, actions: list[Action]) -> None:
        """Record an event at `now`, or the timer, and the actions it led to."""
        if self.is_recording:
            self._write(records.Step.of(now, event, actions))

    def record_warning(self, reason: str, message: str) -> None:
        """Record that the client was sent a warning."""
        if self.is_recording:
            self._write(records.Warned(now=self._now(), reason=reason, message=message))

    async def close(self) -> None:
        """End the recording, if there is one, and wait until its file is complete or deleted."""
        if self.is_recording:
            self._end("over")
        if self._file:
            await self._file.close()

    def _write(self, record: records.Record) -> None:
        if self._file is None:
            return
        line = records.encoded(record)
        if self._file.size + len(line) > self._recordings.most_bytes:
            self._end("full")
        elif self._file.waiting + len(line) > _MOST_WAITING_BYTES:
            self._end("behind")
        else:
            self._file.write(line)

    def _end(self, reason: records.EndReason) -> None:
        self._ended = True
        if reason != "over":
            _log.warning("recording stopped", reason=reason)
        if self._file:
            self._file.write(records.encoded(records.End(now=self._now(), reason=reason)))


def _has_words(state: State) -> bool:
    """Whether anything that was said is part of the conversation's state."""
    return bool(
        state.transcript.items
        or (state.turn and state.turn.words)
        or (state.reply and (state.reply.text or state.reply.playout.words))
    )
