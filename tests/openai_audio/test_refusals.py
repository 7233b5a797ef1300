import json
from typing import Any

import pytest

from mesh.errors import AtCapacity, InvalidRequest, MeshError, UpstreamDown, UpstreamMisconfigured, VoiceNotFound
from openai_audio.refusals import refusal


def openai(message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, openai("Incorrect API key provided."), UpstreamMisconfigured, "Incorrect API key provided."),
        (403, {"detail": "Not authenticated"}, UpstreamMisconfigured, "Not authenticated"),
        (404, {"detail": "Not Found"}, UpstreamMisconfigured, "Not Found"),
        (404, openai("no such voice", "voice"), VoiceNotFound, "no such voice"),
        (404, openai("The model `x` does not exist", "model"), UpstreamMisconfigured, "`x`"),
        (400, openai("Invalid model: x"), UpstreamMisconfigured, "Invalid model: x"),
        (
            400,
            {"detail": {"error": "validation_error", "message": "Voice 'x' not found. Available voices: y"}},
            VoiceNotFound,
            "Available voices: y",
        ),
        (
            422,
            {"detail": [{"loc": ["body", "voice"], "msg": "Input should be 'alloy'", "input": "x"}]},
            VoiceNotFound,
            "Input should be",
        ),
        (422, {"detail": [{"loc": ["body", "input"], "msg": "too long: hello"}]}, InvalidRequest, "about input"),
        (429, openai("Rate limit reached"), AtCapacity, "Rate limit reached"),
        (429, openai("You exceeded your quota", code="insufficient_quota"), UpstreamMisconfigured, "quota"),
        (307, {}, UpstreamMisconfigured, "307"),
        (408, {}, UpstreamDown, "408"),
        (500, openai("boom"), UpstreamDown, "500"),
        (599, [], UpstreamDown, "599"),
    ],
)
def test_an_answer_is_one_kind_of_error(status: int, body: Any, kind: type[MeshError], said: str) -> None:
    error = refusal(status, {}, json.dumps(body).encode())
    assert type(error) is kind
    assert said in error.message


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_what_people_said_is_not_repeated(status: int) -> None:
    body = json.dumps(openai("cannot say 'my secret'", "input")).encode()
    assert "secret" not in refusal(status, {}, body).message


def test_the_key_is_not_repeated() -> None:
    error = refusal(401, {}, json.dumps(openai("wrong key: sk-1234")).encode(), secret="sk-1234")  # noqa: S106
    assert "sk-1234" not in error.message


@pytest.mark.parametrize(("told", "seconds"), [("3", 3), ("0.5", 0.5), ("9999", 60), ("-1", 1), ("soon", 1)])
def test_a_full_server_tells_when_to_come_back(told: str, seconds: float) -> None:
    assert refusal(429, {"retry-after": told}, b"").retry_after == seconds


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 10_000, b"\xff", b"null", b'{"error": 7}', b"<html>"])
def test_nonsense_is_no_reason_to_fail(body: bytes) -> None:
    assert refusal(401, {}, body).message.endswith("Unauthorized")
