import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from launcher.calling.call_runner import CallRunner, NoReply
from launcher.calling.transport import CallFailed, Event, ReplyAudio, ReplyEnded, ReplyStarted, Samples, UserWord

QUESTION = np.ones(960, np.int16)
ANSWER: list[Event] = [
    UserWord("hello"),
    ReplyStarted(),
    ReplyAudio(np.ones(1920, np.int16)),
    ReplyEnded(complete=True),
]


class Loopback:
    """A transport whose far end is the test: it sends `events` after `after` frames, then hangs up or stays."""

    frame_samples = 480

    def __init__(self, events: list[Event], *, after: int = 3, hangs_up: bool = False) -> None:
        self.sent: list[Samples] = []
        self._events = events
        self._after = after
        self._hangs_up = hangs_up
        self._begin = asyncio.Event()

    async def send(self, samples: Samples) -> None:
        self.sent.append(samples)
        if len(self.sent) == self._after:
            self._begin.set()

    async def events(self) -> AsyncIterator[Event]:
        await self._begin.wait()
        for event in self._events:
            yield event
        if not self._hangs_up:
            await asyncio.Event().wait()


class Broken(Loopback):
    async def send(self, samples: Samples) -> None:
        raise CallFailed(f"no room for {len(samples)} samples")


async def test_ends_when_the_reply_was_heard() -> None:
    heard: list[Event] = []
    transport = Loopback(ANSWER)
    call = CallRunner(transport, QUESTION, turns=1, on_event=heard.append)
    await call.run(timeout_s=5.0)
    assert heard == ANSWER
    assert np.concatenate(transport.sent)[:960].all()
    assert call.answered_after_s is not None
    assert 0 < call.answered_after_s < 1


async def test_a_reply_during_the_question_is_waited_out() -> None:
    transport = Loopback(ANSWER, after=1)
    call = CallRunner(transport, QUESTION, turns=1, on_event=lambda _: None)
    await call.run(timeout_s=5.0)
    assert len(transport.sent) >= 2


async def test_nothing_heard_in_time() -> None:
    with pytest.raises(NoReply, match=r"no reply was heard within 0.1 s .* --timeout") as caught:
        await CallRunner(Loopback([UserWord("hello")]), QUESTION, turns=1, on_event=lambda _: None).run(timeout_s=0.1)
    assert caught.value.exit_code == 3


async def test_fewer_replies_than_wanted() -> None:
    with pytest.raises(NoReply, match=r"1 of 2 replies were heard within 0.1 s"):
        await CallRunner(Loopback(ANSWER), QUESTION, turns=2, on_event=lambda _: None).run(timeout_s=0.1)


async def test_a_mesh_that_hangs_up_has_failed() -> None:
    with pytest.raises(CallFailed, match="ended the conversation early"):
        await CallRunner(Loopback([], hangs_up=True), QUESTION, turns=1, on_event=lambda _: None).run(timeout_s=5.0)


async def test_a_mesh_that_hangs_up_after_its_last_reply_has_not() -> None:
    await CallRunner(Loopback(ANSWER, hangs_up=True), QUESTION, turns=1, on_event=lambda _: None).run(timeout_s=5.0)


async def test_a_line_that_breaks_ends_the_call() -> None:
    with pytest.raises(CallFailed, match="no room for 480 samples"):
        await CallRunner(Broken([]), QUESTION, turns=1, on_event=lambda _: None).run(timeout_s=5.0)
