"""The list of events takes what is on the sheet, and nothing else."""

import json
from typing import Any

import pytest

from tests.unmute.sheet import NotOnTheSheet, name, read, read_voices

EVENT_ID = "event_" + "aZ09bcdefghijklmnopqr"
HISTORY = [{"role": "assistant", "content": "Hi."}]
ENTRY = {
    "name": "Ada",
    "good": True,
    "instructions": None,
    "source": {"source_type": "file", "path_on_server": "ada.wav", "description": None, "description_link": None},
}
FREESOUND = {
    "source_type": "freesound",
    "url": "https://example.org/1",
    "start_time": 1,
    "sound_instance": {"id": 1, "name": "n", "username": "u", "license": "CC0"},
    "path_on_server": "1.wav",
}

EVENTS: dict[str, dict[str, Any]] = {
    "session.updated": {
        "session": {"instructions": {"type": "smalltalk", "language": None}, "voice": None, "allow_recording": False}
    },
    "response.created": {
        "response": {
            "object": "realtime.response",
            "status": "in_progress",
            "voice": "missing",
            "chat_history": HISTORY,
        }
    },
    "unmute.response.text.delta.ready": {"delta": " Hi."},
    "response.text.done": {"text": "Hi."},
    "response.text.delta": {"delta": "Hi."},
    "response.audio.delta": {"delta": "T2dnUw=="},
    "response.audio.done": {},
    "conversation.item.input_audio_transcription.delta": {"delta": "Hi", "start_time": 1.5},
    "input_audio_buffer.speech_started": {},
    "input_audio_buffer.speech_stopped": {},
    "unmute.interrupted_by_vad": {},
    "unmute.additional_outputs": {"args": {"chat_history": HISTORY, "debug_dict": {}, "debug_plot_data": []}},
    "error": {"error": {"type": "warning", "code": None, "message": "Hm.", "param": None, "details": None}},
}


def encoded(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "event_id": EVENT_ID, **EVENTS.get(kind, {}), **fields})


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_is_taken_and_a_field_more_ignored(kind: str) -> None:
    assert name(read(encoded(kind, extra=1))) == kind


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, fields in EVENTS.items() for field in ("event_id", *fields)]
)
def test_a_missing_field_is_noticed(kind: str, field: str) -> None:
    event = json.loads(encoded(kind))
    del event[field]
    with pytest.raises(NotOnTheSheet):
        read(json.dumps(event))


@pytest.mark.parametrize(
    ("kind", "inner"),
    [
        (kind, (field, inner))
        for kind, fields in EVENTS.items()
        for field, value in fields.items()
        if isinstance(value, dict)
        for inner in value
    ],
)
def test_a_missing_null_is_noticed(kind: str, inner: tuple[str, str]) -> None:
    event = json.loads(encoded(kind))
    del event[inner[0]][inner[1]]
    with pytest.raises(NotOnTheSheet):
        read(json.dumps(event))


@pytest.mark.parametrize(
    "message",
    [
        encoded("session.created"),
        encoded("unmute.response.audio.delta.ready", number_of_samples=1),
        encoded("response.audio.done", event_id="event_1"),
        encoded("response.audio.done", event_id=None),
        encoded("response.audio.delta", delta="no base64"),
        encoded("response.created", response=EVENTS["response.created"]["response"] | {"status": "cancelled"}),
        encoded(
            "response.created",
            response=EVENTS["response.created"]["response"] | {"chat_history": [{"role": "system", "content": "You"}]},
        ),
        encoded("error", error=EVENTS["error"]["error"] | {"code": "full"}),
        encoded("error", error=EVENTS["error"]["error"] | {"type": "server_error"}),
        encoded("conversation.item.input_audio_transcription.delta", start_time=None),
        encoded("conversation.item.input_audio_transcription.delta", start_time="1.5"),
        "[]",
        "",
        b"{}",
    ],
)
def test_what_is_not_on_the_list_is_noticed(message: str | bytes) -> None:
    with pytest.raises(NotOnTheSheet):
        read(message)


def test_voices_have_the_keys_they_have() -> None:
    entries = [ENTRY, ENTRY | {"source": FREESOUND}]
    assert [voice.source.path_on_server for voice in read_voices(json.dumps(entries).encode())] == ["ada.wav", "1.wav"]


@pytest.mark.parametrize("entries", [[], [ENTRY | {"comment": "x"}], [ENTRY | {"good": False}], [ENTRY | {"name": 1}]])
def test_other_voices_are_noticed(entries: list[dict[str, Any]]) -> None:
    with pytest.raises(NotOnTheSheet):
        read_voices(json.dumps(entries).encode())
