"""Writes recordings of conversations that a test makes up; what is decided in them is the core's own."""

from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.conversation import Conversation, Policy, State
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.policy import SAMPLE_RATE
from orchestrator.recorder import records
from tts_proxy.spoken.text import spoken_words

STARTED = 1_790_000_000.0
"""2026-09-21, 14:13:20 UTC."""


class Script:
    """One conversation, and its recording so far."""

    def __init__(self, **policy: Any) -> None:
        self._conversation = Conversation(State(policy=Policy(**policy)))
        self.lines: list[records.Record] = [
            records.Header(
                now=0.0,
                product="1.2.3",
                session_id="5e551011",
                started_wall=STARTED,
                state=State(policy=Policy(**policy)),
            )
        ]

    def asks(self, now: float, **session: Any) -> None:
        """The client changes the session."""
        self.lines.append(records.Session(now=now, session=session))
        self.happens(now, ev.SessionConfigured())

    def happens(self, now: float, *events: ev.Event) -> None:
        """Let time pass until then, and these happen."""
        self.passes(now)
        for event in events:
            self._step(now, event, self._conversation.handle(event, now))

    def passes(self, until: float) -> None:
        while (now := self._conversation.deadline) is not None and now <= until:
            self._step(now, None, self._conversation.handle_timeout(now))

    def hears(self, now: float, *words: str) -> None:
        """The person speaks and pauses, and all of it is recognised."""
        self.happens(now, ev.MicrophoneAudioArrived(round(now * SAMPLE_RATE)), ev.PauseScored(0.0, now))
        for number, word in enumerate(words, start=1):
            self.happens(now + 0.3 * number, ev.MicrophoneAudioArrived(1_920), ev.WordRecognized(word, now, now + 0.3))
        end = now + 0.3 * len(words) + 0.1
        flush = self._conversation.state.flushes + 1
        self.happens(end, ev.PauseScored(1.0, end), ev.Flushed(flush))

    def answers(self, now: float, *words: str) -> None:
        """The living reply is written, and synthesised half a second a word, all at once."""
        reply = self._conversation.state.reply
        assert reply
        reply_id = reply.reply_id
        self.happens(now, *(ev.ReplyTextArrived(reply_id, f" {word}") for word in words))
        self.happens(now, ev.ReplyTextCompleted(reply_id))
        for number, word in enumerate(spoken_words(" ".join(words))):
            self.happens(now, ev.ReplyAudioArrived(reply_id, SAMPLE_RATE // 2))
            self.happens(now, ev.ReplyWordTimed(reply_id, word, number / 2, number / 2 + 0.5))
        self.happens(now, ev.ReplyAudioCompleted(reply_id))

    def warns(self, now: float, message: str) -> None:
        self.lines.append(records.Warned(now=now, reason="TTS_FAILED", message=message))

    def ends(self, now: float, reason: records.EndReason = "over") -> None:
        self.passes(now)
        self.lines.append(records.End(now=now, reason=reason))

    def save(self, path: Path) -> Path:
        path.write_bytes(b"".join(map(records.encoded, self.lines)))
        return path

    def _step(self, now: float, event: ev.Event | None, actions: list[act.Action]) -> None:
        for action in actions:
            if isinstance(action, act.ReleaseAudio):
                tone = np.sin(np.arange(action.start, action.start + action.samples) / 10) * 10_000
                pcm = tone.astype("<i2").tobytes()
                self.lines.append(records.Audio(now=now, reply_id=action.reply_id, start=action.start, pcm=pcm))
        self.lines.append(records.Step.of(now, event, actions))


def interrupted_conversation() -> Script:
    """A greeting, a question, an answer that is spoken over, a silence, and a goodbye."""
    script = Script(greeting=True, goodbye=True, silence_timeout=7.0, confirmation_time=0.0, uninterruptible_window=0.0)
    character = {"character": {"kind": "quiz_show", "language": "fr"}}
    script.asks(0.0, recordingConsent=True, voice="anna", instructions=character)
    script.happens(0.0, ev.SessionConfigured(instructions="Be kind.", voice="anna"))
    script.happens(0.1, ev.MicrophoneAudioArrived(1_920))
    script.answers(0.4, "Hello", "there.")
    script.hears(6.0, "What", "is", "new?")
    script.answers(7.5, "Nothing", "*", "much", "at", "all.")
    script.hears(8.6, "Stop!")
    script.answers(9.5, "Sorry.")
    script.passes(20.0)
    script.answers(20.0, "Bye!")
    script.ends(23.0)
    return script
