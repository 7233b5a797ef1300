"""The lines of Unmute's recordings, by the contract: the closed list of events, and the types of their fields."""

import json
import re
from collections.abc import Mapping
from typing import Any

Fields = Mapping[str, type | tuple[type, ...]]

_NONE = type(None)

CLIENT: Mapping[str, Fields] = {
    "session.update": {"session": dict},
    "unmute.input_audio_buffer.append_anonymized": {"number_of_samples": int},
}
"""User audio is never there: only its counts."""

SERVER: Mapping[str, Fields] = {
    "session.updated": {"session": dict},
    "response.created": {"response": dict},
    "unmute.response.text.delta.ready": {"delta": str},
    "response.text.done": {"text": str},
    "response.text.delta": {"delta": str},
    "response.audio.delta": {"delta": str},
    "response.audio.done": {},
    "conversation.item.input_audio_transcription.delta": {"delta": str, "start_time": float},
    "input_audio_buffer.speech_started": {},
    "input_audio_buffer.speech_stopped": {},
    "unmute.interrupted_by_vad": {},
    "unmute.response.audio.delta.ready": {"number_of_samples": int},
    "error": {"error": dict},
}
"""Debug output, `unmute.additional_outputs`, is not to be recorded."""

_WITHIN: Mapping[str, Fields] = {
    "session": {"instructions": (dict, _NONE), "voice": (str, _NONE), "allow_recording": bool},
    "response": {"object": str, "status": str, "voice": str, "chat_history": list},
    "error": {"type": str, "code": _NONE, "message": str, "param": _NONE, "details": object},
}


def valid(line: str) -> dict[str, Any]:
    """Return a line of a recording; AssertionError for one that Unmute's tools could not read."""
    entry: dict[str, Any] = json.loads(line)
    assert entry.keys() == {"timestamp_wall", "event_sender", "data"}
    assert isinstance(entry["timestamp_wall"], float)
    event = entry["data"]
    fields = {"client": CLIENT, "server": SERVER}[entry["event_sender"]].get(event["type"])
    assert fields is not None, f"{event['type']} is not in the list"
    assert re.fullmatch(r"event_[A-Za-z0-9]{21}", event["event_id"])
    _have(fields, {name: value for name, value in event.items() if name not in ("type", "event_id")})
    for name in _WITHIN.keys() & fields.keys():
        _have(_WITHIN[name], event[name])
    return entry


def _have(fields: Fields, given: Mapping[str, Any]) -> None:
    """No field is missing, and those of the contract have their types. Further ones are ignored, as clients do."""
    for name, kind in fields.items():
        assert isinstance(given[name], kind), f"{name} is {given[name]!r}"
