import pytest

from mesh.errors import UpstreamDown, UpstreamMisconfigured
from moshi_client.upstream import Upstream, in_order
from moshi_client.urls import parse_urls

[URL] = parse_urls(["ws://stt:8090"])
DOWN = UpstreamDown("down")


def upstream(*, answers: bool | None = True, used: int | None = None, total: int = 4) -> Upstream:
    made = Upstream(URL, "127.0.0.1", 8090, answers=answers)
    if used is not None:
        made.told(used, total)
    return made


def test_the_freest_comes_first_and_the_full_and_the_dead_last() -> None:
    dead, full, busy, free, untold = (
        upstream(answers=False),
        upstream(used=4),
        upstream(used=3),
        upstream(used=0),
        upstream(),
    )
    assert in_order([dead, full, untold, busy, free], 0.0) == [free, busy, untold, full, dead]


def test_who_is_alike_is_taken_at_random() -> None:
    alike = [upstream(used=1) for _ in range(3)]
    firsts = {id(in_order(alike, 0.0)[0]) for _ in range(100)}
    assert len(firsts) == 3


def test_leases_since_it_told_of_its_slots_count() -> None:
    server = upstream(used=1)
    with server.lease():
        assert server.free == 2
        server.told(2, 4)
        assert server.free == 2
    assert server.free == 3


def test_each_failure_makes_the_rest_longer_up_to_a_limit() -> None:
    server = upstream()
    now, rests = 0.0, []
    for _ in range(12):
        server.failed(DOWN, now)
        began = now
        while server.rests(now):
            now += 0.01
        rests.append(now - began)
    assert rests[0] == pytest.approx(0.11, abs=0.02)
    assert all(0.1 * 2**n <= rest <= 0.1 * 2**n * 1.2 + 0.02 for n, rest in enumerate(rests[:8]))
    assert all(30 <= rest <= 36.1 for rest in rests[9:])


def test_a_stream_that_is_taken_makes_it_sound_again() -> None:
    server = upstream()
    for _ in range(6):
        server.failed(DOWN, 0.0)
    server.admitted()
    server.failed(DOWN, 100.0)
    assert not server.rests(100.2)


def test_what_is_wrong_with_a_setting_is_not_tried_again_soon() -> None:
    server = upstream()
    server.failed(UpstreamMisconfigured("key"), 0.0)
    assert server.rests(29.9)


def test_one_that_comes_back_is_not_made_to_wait() -> None:
    server = upstream()
    server.failed(UpstreamMisconfigured("key"), 0.0)
    server.heard(answers=True, now=1.0)
    assert server.rests(1.0)
    server.heard(answers=False, now=2.0)
    server.heard(answers=True, now=3.0)
    assert not server.rests(3.0)
    assert in_order([server], 3.0) == [server]


def test_a_refusal_is_no_failure_but_shows_that_it_is_full() -> None:
    server = upstream(used=1)
    server.refused()
    assert not server.rests(0.0)
    assert server.free == 0
