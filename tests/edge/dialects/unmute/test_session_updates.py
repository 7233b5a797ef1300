import json
from typing import Any

import pytest

from edge.dialects.unmute.instructions import DEFAULT_TEXT
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.dialects.unmute.told import Told, body


def ask(told: Told, session: dict[str, Any]) -> str:
    message = json.dumps({"type": "session.update", "session": session})
    [request] = told.dialect.requests(message, now=0.0)
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
def test_an_update_is_echoed_as_parsed(told: Told, asked: dict[str, Any], echoed: dict[str, Any]) -> None:
    request_id = ask(told, asked)
    assert body(told(request_id, session_updated={})) == {"type": "session.updated", "session": echoed}


def test_each_update_has_its_echo(told: Told) -> None:
    first = ask(told, {"allow_recording": False, "voice": "a"})
    second = ask(told, {"allow_recording": False, "voice": "b"})
    assert [told(each, session_updated={})[0]["session"]["voice"] for each in (first, second)] == ["a", "b"]


def test_an_update_nobody_asked_for_is_not_told(told: Told) -> None:
    assert told(session_updated={}) == []


def test_a_refused_update_is_an_invalid_request(told: Told) -> None:
    request_id = ask(told, {"allow_recording": False, "instructions": {"type": "quiz_show"}})
    refused = told(request_id, request_rejected={"reason": "BAD_REQUEST", "message": "no character 'quiz_show'"})
    assert body(refused)["error"] == {
        "type": "invalid_request_error",
        "code": None,
        "message": "no character 'quiz_show'",
        "param": None,
        "details": [{"type": "bad_request", "loc": [], "msg": "no character 'quiz_show'"}],
    }
    assert told(request_id, session_updated={}) == []


def test_nothing_is_told_at_the_beginning_and_the_end(told: Told) -> None:
    assert told(started={"session_id": "s"}) == []
    assert told(conversation_ended={"cause": conversation.END_CAUSE_GOODBYE}) == []
