"""What one session records, and whether it may."""

import time
from collections.abc import Callable
from importlib.metadata import version

import structlog
from google.protobuf.json_format import MessageToDict

from orchestrator.conversation import State
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event
from orchestrator.recorder import lines
from orchestrator.recorder.recordings import Recordings
from orchestrator.recorder.tape import Tape
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

    def __init__(self, recordings: Recordings, session_id: str, now: Callable[[], float]) -> None:
        self._recordings = recordings
        self._session_id = session_id
        self._now = now
        self._tape: Tape | None = None
        self._refused = False
        self._ended = False
        """Nothing more is taken."""

    @property
    def is_recording(self) -> bool:
        """Whether what happens now is recorded."""
        return self._tape is not None and not self._ended

    # --- consent ------------------------------------------------------------------------------------------------------

    def heed(self, config: SessionConfig, state: State) -> None:
        """Begin or delete, as the client wants, before the core in its `state` is told of what `config` changes."""
        if config.HasField("recording_consent"):
            if config.recording_consent:
                self._begin(state)
            else:
                self.refuse()
        if self.is_recording:
            self._write(lines.Session(now=self._now(), session=MessageToDict(config)))

    def refuse(self) -> None:
        """Delete what there is, and record nothing any more."""
        self._refused = self._ended = True
        if self._tape:
            self._tape.discard()

    def _begin(self, state: State) -> None:
        if self._tape or self._refused:
            return
        if _has_words(state):
            _log.info("consent came after the first words: this session is not recorded")
            self._refused = True
            return
        now = self._now()
        started_wall = time.time() - now
        self._tape = self._recordings.tape(self._session_id, started_wall)
        if self._tape:
            header = lines.Header(
                now=now, product=_PRODUCT, session_id=self._session_id, started_wall=started_wall, state=state
            )
            self._write(header)

    # --- what happens -------------------------------------------------------------------------------------------------

    def audio(self, reply_id: str, start: int, pcm: bytes) -> None:
        """Record what the step that comes next releases: 16-bit PCM, 24 kHz, from the reply's sample `start` on."""
        if self.is_recording:
            self._write(lines.Audio(now=self._now(), reply_id=reply_id, start=start, pcm=pcm))

    def step(self, now: float, event: Event | None, actions: list[Action]) -> None:
        """Record what the core was told at `now`, and what it answered."""
        if self.is_recording:
            self._write(lines.Step.of(now, event, actions))

    def warned(self, reason: str, message: str) -> None:
        """Record that the client was told of trouble."""
        if self.is_recording:
            self._write(lines.Warned(now=self._now(), reason=reason, message=message))

    async def close(self) -> None:
        """End the recording, if there is one, and wait until its file is complete or deleted."""
        if self.is_recording:
            self._end("over")
        if self._tape:
            await self._tape.close()

    def _write(self, line: lines.Line) -> None:
        if self._tape is None:
            return
        text = lines.encoded(line)
        if self._tape.size + len(text) > self._recordings.most_bytes:
            self._end("full")
        elif self._tape.waiting + len(text) > _MOST_WAITING_BYTES:
            self._end("behind")
        else:
            self._tape.write(text)

    def _end(self, reason: lines.EndReason) -> None:
        self._ended = True
        if reason != "over":
            _log.warning("recording stopped", reason=reason)
        if self._tape:
            self._tape.write(lines.encoded(lines.End(now=self._now(), reason=reason)))


def _has_words(state: State) -> bool:
    """Whether anything that was said is part of the conversation's state."""
    return bool(
        state.transcript.items
        or (state.turn and state.turn.words)
        or (state.reply and (state.reply.text or state.reply.playout.words))
    )
