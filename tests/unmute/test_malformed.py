"""What the storm is made of, and what it looks for."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.unmute.malformed import MESSAGE_LIMIT_BYTES, TOO_BIG, Verdict, Way, messages, verdict
from tests.unmute.random_faults import LEAKS


def test_the_same_seed_makes_the_same_storm() -> None:
    assert list(messages(300, 5)) == list(messages(300, 5))
    assert list(messages(300, 5)) != list(messages(300, 6))


def test_a_storm_has_everything_in_it() -> None:
    made = list(messages(1_000, 1))
    assert len(made) == 1_000
    assert {message.way for message in made} == set(Way)
    assert {message.verdict for message in made} == set(Verdict)
    assert min(Counter(message.what for message in made).values()) >= 1
    assert {len(message.data) > MESSAGE_LIMIT_BYTES for message in made if TOO_BIG in message.codes} >= {True}
    assert any(message.pieces > 1 for message in made)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "session.update", "session": {"allow_recording": False}}, Verdict.UPDATED),
        ({"type": "session.update", "session": {"allow_recording": False, "x": 10**30}}, Verdict.UNSAID),
        ({"type": "session.update", "session": {"allow_recording": "yes"}}, Verdict.UNSAID),
        ({"type": "session.update", "session": {}}, Verdict.REJECTED),
        ({"type": "session.update", "session": {"allow_recording": True, "instructions": {}}}, Verdict.REJECTED),
        ({"type": "input_audio_buffer.append"}, Verdict.REJECTED),
        ({"type": "unmute.input_audio_buffer.append_anonymized", "number_of_samples": 5}, Verdict.IGNORED),
        ({"type": "response.create"}, Verdict.REJECTED),
        ([], Verdict.REJECTED),
    ],
)
def test_the_protocol_is_clear_about_an_event(event: Any, expected: Verdict) -> None:
    assert verdict(event) is expected


@pytest.mark.parametrize(
    "shown",
    [
        "Traceback (most recent call last)",
        "edge/session/client.py",
        "ValueError: x",
        "<class 'int'>",
        "<Future object at 0x7f9f170d>",
        "msgspec.ValidationError",
        "/usr/lib/python3",
    ],
)
def test_what_leaks_is_noticed(shown: str) -> None:
    assert LEAKS.search(json.dumps([shown]))


def test_an_honest_error_is_none() -> None:
    assert not LEAKS.search(json.dumps(["Invalid message: Expected `int`, got `null` - at `$.number_of_samples`"]))
