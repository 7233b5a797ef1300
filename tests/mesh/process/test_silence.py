import asyncio
import time

import pytest

from mesh.process import silence
from mesh.process.silence import PeerSilence


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "TICK_S", 0.01)


async def test_a_peer_that_owes_something_and_sends_nothing_is_silent() -> None:
    peer = PeerSilence(lambda: True)
    await peer.until(lambda: 0.05)
    assert peer.seconds == pytest.approx(0.05)


async def test_what_it_sends_and_what_it_does_not_owe_break_its_silence() -> None:
    owed = True
    peer = PeerSilence(lambda: owed)
    watching = asyncio.create_task(peer.until(lambda: 0.1))
    while peer.seconds < 0.05:  # noqa: ASYNC110 - it has no event for a tick
        await asyncio.sleep(0.005)
    broken_at = peer.seconds
    peer.broken()
    assert (peer.seconds, peer.longest) == (0.0, broken_at)
    owed = False
    await asyncio.sleep(0.3)
    assert not watching.done()
    owed = True
    await watching


async def test_our_own_lag_is_not_the_peers_silence() -> None:
    peer = PeerSilence(lambda: True)
    watching = asyncio.create_task(peer.until(lambda: 0.1))
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - the lag
    await asyncio.sleep(0.015)
    assert not watching.done()
    await watching


async def test_a_silent_peer_is_asked_and_hangs_only_if_it_is_not_there_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "ASKED_AFTER_S", 0.0475)
    answers, asked = [True, True, False], list[tuple[float, float]]()
    peer = PeerSilence(lambda: True)

    async def is_there(within_s: float) -> bool:
        asked.append((within_s, peer.seconds))
        return answers.pop(0)

    await peer.until_hung(is_there, lambda: 2.0)
    assert [within_s for within_s, _ in asked] == [1.2] * 3
    assert [silent_s for _, silent_s in asked] == pytest.approx([0.1] * 3)


async def test_a_peer_that_sends_something_while_it_is_asked_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "ASKED_AFTER_S", 0.05)
    asked = 0
    peer = PeerSilence(lambda: True)

    async def is_there(_within_s: float) -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:
            peer.broken()
        return False

    await peer.until_hung(is_there, lambda: 1.0)
    assert asked == 2
