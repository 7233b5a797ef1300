import json
from typing import Any

import pytest

from edge.dialects.unmute.instructions import DEFAULT_TEXT
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.dialects.unmute.harness import DialectHarness, body


def ask(harness: DialectHarness, session: dict[str, Any]) -> str:
    message = json.dumps({"type": "session.update", "session": session})
    [request] = harness.dialect.requests(message, now=0.0)
    return request.request_id


@pytest.mark.unmute("S2", "S3")
@pytest.mark.parametrize(
    ("asked", "echoed"),
    [
        ({"allow_recording": 1}, {"instructions": None, "voice": None, "allow_recording": True}),
        (
            {"allow_recording": False, "voice": "alto", "instructions": {"type": "constant"}},
            {
                "instructions": {"type": "constant", "text": DEFAULT_TEXT, "language": None},
                "voice": "alto",
                "allow_recording": False,
            },
        ),
        (
            {"allow_recording": False, "instructions": {"type": "unmute_explanation", "language": "fr"}},
            {"instructions": {"type": "unmute_explanation"}, "voice": None, "allow_recording": False},
        ),
    ],
)
def test_an_update_is_echoed_as_parsed(harness: DialectHarness, asked: dict[str, Any], echoed: dict[str, Any]) -> None:
    request_id = ask(harness, asked)
    assert body(harness(request_id, session_updated={})) == {"type": "session.updated", "session": echoed}


def test_each_update_has_its_echo(harness: DialectHarness) -> None:
    first = ask(harness, {"allow_recording": False, "voice": "a"})
    second = ask(harness, {"allow_recording": False, "voice": "b"})
    assert [harness(each, session_updated={})[0]["session"]["voice"] for each in (first, second)] == ["a", "b"]


def test_an_update_nobody_asked_for_is_not_told(harness: DialectHarness) -> None:
    assert harness(session_updated={}) == []


def test_a_refused_update_is_an_invalid_request(harness: DialectHarness) -> None:
    request_id = ask(harness, {"allow_recording": False, "instructions": {"type": "quiz_show"}})
    refused = harness(request_id, request_rejected={"reason": "BAD_REQUEST", "message": "no character 'quiz_show'"})
    assert body(refused)["error"] == {
        "type": "invalid_request_error",
        "code": None,
        "message": "no character 'quiz_show'",
        "param": None,
        "details": [{"type": "bad_request", "loc": [], "msg": "no character 'quiz_show'"}],
    }
    assert harness(request_id, session_updated={}) == []


def test_nothing_is_told_at_the_beginning_and_the_end(harness: DialectHarness) -> None:
    assert harness(started={"session_id": "s"}) == []
    assert harness(conversation_ended={"cause": conversation.END_CAUSE_GOODBYE}) == []
