"""How released audio is put into messages, on a clock that the test moves."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mesh.audio import FRAME_BYTES, FRAME_S, FRAME_SAMPLES, WORKING_FORMAT, Encoder
from mesh.times import seconds
from orchestrator.session.audio_output import ReplyAudioOutput
from parley.audio.v1.audio_pb2 import AudioFormat
from parley.conversation.v1.conversation_pb2 import ConverseResponse

LEAD = 4
"""Frames that are released at once."""


class Clock:
    """Stands for the event loop, of which only the clock and its timers are used."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        self.timers.append((self.now + delay, callback))
        return self

    def cancel(self) -> None:
        self.timers.clear()

    def run_until(self, now: float) -> None:
        for due, callback in sorted(self.timers, key=lambda timer: timer[0]):
            if due <= now:
                self.now = due
                callback()
        self.now = now


class Listener:
    """One reply's output, and the frames of each message by when it was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: self.clock)
        encoder = Encoder(AudioFormat(encoding=WORKING_FORMAT.encoding, sample_rate_hertz=24_000))
        self.output = ReplyAudioOutput("reply_1", encoder, self._sent)
        self.sent: list[tuple[float, int]] = []
        self.heard_to = 0.0
        self._released = 0

    def release(self, frames: int) -> None:
        self.output.release(self._released * FRAME_SAMPLES, frames * FRAME_SAMPLES, bytes(frames * FRAME_BYTES))
        self._released += frames

    def _sent(self, response: ConverseResponse) -> None:
        audio = response.reply_audio
        assert seconds(audio.start_offset) == pytest.approx(self.heard_to)
        frames = len(audio.audio) // FRAME_BYTES
        self.heard_to += frames * FRAME_S
        self.sent.append((round(self.clock.now - 100.0, 6), frames))


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    return Listener(monkeypatch)


def paced(listener: Listener, frames: int) -> None:
    """Release as the core does with a lead of four frames."""
    listener.release(LEAD)
    for number in range(1, frames + 1):
        listener.clock.run_until(100.0 + number * FRAME_S)
        listener.release(1)


def test_what_starts_a_reply_is_sent_at_once_and_then_two_frames_together(listener: Listener) -> None:
    paced(listener, 6)
    assert listener.sent == [(0.0, 4), (0.16, 2), (0.32, 2), (0.48, 2)]


def test_frames_that_come_one_by_one_are_sent_so_until_there_is_a_reserve(listener: Listener) -> None:
    for number in range(5):
        listener.clock.run_until(100.0 + number * 0.02)
        listener.release(1)
    assert [frames for _, frames in listener.sent] == [1, 1, 1, 1]


def test_what_waits_is_sent_in_time_if_no_more_comes(listener: Listener) -> None:
    listener.release(LEAD)
    listener.clock.run_until(100.0 + FRAME_S)
    listener.release(1)
    assert len(listener.sent) == 1
    listener.clock.run_until(101.0)
    assert listener.sent[1:] == [(0.22, 1)]


def test_a_long_lead_makes_messages_of_at_most_five_frames(listener: Listener) -> None:
    listener.release(40)
    for number in range(1, 21):
        listener.clock.run_until(100.0 + number * FRAME_S)
        listener.release(1)
    assert [frames for _, frames in listener.sent] == [40, 5, 5, 5, 5]


def test_a_lead_of_a_frame_leaves_nothing_to_wait_with(listener: Listener) -> None:
    for number in range(5):
        listener.clock.run_until(100.0 + number * FRAME_S)
        listener.release(1)
    assert [frames for _, frames in listener.sent] == [1] * 5


def test_all_is_sent_before_a_hold_and_nothing_after_a_cut(listener: Listener) -> None:
    paced(listener, 1)
    listener.output.flush()
    assert listener.sent[-1] == (FRAME_S, 1)
    listener.release(1)
    listener.output.drop()
    listener.clock.run_until(105.0)
    assert [frames for _, frames in listener.sent] == [4, 1]
