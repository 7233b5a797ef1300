"""Recordings as Unmute writes them: its closed list of events, in the order in which its clients rely on them."""

import base64
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import sphn

from edge.dialects.unmute import client_events
from edge.dialects.unmute.server_events import ServerEvent
from launcher.recordings.unmute import unmute
from mesh.audio import SAMPLE_RATE
from orchestrator.conversation import events as ev
from tests.launcher.recordings.script import STARTED, Script, interrupted_conversation
from tests.unmute.recordings import CLIENT, SERVER, valid


def exported(script: Script, folder: Path) -> list[dict[str, Any]]:
    return [valid(line) for line in unmute(script.save(folder / "recording.jsonl"))]


def types(entries: list[dict[str, Any]], sender: str) -> list[str]:
    return [entry["data"]["type"] for entry in entries if entry["event_sender"] == sender]


def of(kind: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry["data"] for entry in entries if entry["data"]["type"] == kind]


@pytest.mark.unmute("S13")
def test_every_line_is_an_event_of_the_closed_list(tmp_path: Path) -> None:
    entries = exported(interrupted_conversation(), tmp_path)
    assert {*types(entries, "client")} == {"session.update", "unmute.input_audio_buffer.append_anonymized"}
    assert {*types(entries, "server")} == {
        "session.updated",
        "response.created",
        "unmute.response.text.delta.ready",
        "response.text.done",
        "unmute.response.audio.delta.ready",
        "response.audio.delta",
        "response.text.delta",
        "response.audio.done",
        "conversation.item.input_audio_transcription.delta",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "unmute.interrupted_by_vad",
    }


@pytest.mark.unmute("B21")
def test_debug_output_is_not_in_it(tmp_path: Path) -> None:
    assert "unmute.additional_outputs" not in types(exported(interrupted_conversation(), tmp_path), "server")


def test_the_closed_list_is_the_dialects() -> None:
    sent = {str(each.__struct_config__.tag) for each in ServerEvent.__subclasses__()}
    assert {*SERVER} == sent - {"unmute.additional_outputs"}
    taken = (client_events.SessionUpdate, client_events.AnonymizedAppend)
    assert {*CLIENT} == {str(each.__struct_config__.tag) for each in taken}


def test_times_are_of_the_wall(tmp_path: Path) -> None:
    times = [entry["timestamp_wall"] for entry in exported(interrupted_conversation(), tmp_path)]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (STARTED, pytest.approx(STARTED + 20.2, abs=0.5))


def test_what_the_client_asked_is_told_as_it_asked_it(tmp_path: Path) -> None:
    entries = exported(interrupted_conversation(), tmp_path)
    session = {
        "instructions": {"type": "quiz_show", "language": "fr"},
        "voice": "anna",
        "allow_recording": True,
    }
    assert [entry["data"]["type"] for entry in entries[:2]] == ["session.update", "session.updated"]
    assert [entry["data"]["session"] for entry in entries[:2]] == [session, session]


@pytest.mark.parametrize(
    ("asked", "session"),
    [
        ({"voice": ""}, {"instructions": None, "voice": None, "allow_recording": True}),
        (
            {"instructions": {"prompt": "Be kind."}},
            {
                "instructions": {"type": "constant", "text": "Be kind.", "language": None},
                "voice": None,
                "allow_recording": True,
            },
        ),
        ({"pacingLead": "1s", "unheard": "of"}, {"instructions": None, "voice": None, "allow_recording": True}),
    ],
)
def test_what_unmutes_clients_cannot_ask_is_told_as_near_as_can_be(
    tmp_path: Path, asked: dict[str, Any], session: dict[str, Any]
) -> None:
    script = Script()
    script.asks(0.5, **asked)
    assert of("session.update", exported(script, tmp_path))[0]["session"] == session


@pytest.mark.unmute("S13")
def test_the_microphone_is_a_count(tmp_path: Path) -> None:
    script = Script()
    script.happens(1.0, ev.MicrophoneAudioArrived(1_920), ev.MicrophoneAudioArrived(960))
    heard = of("unmute.input_audio_buffer.append_anonymized", exported(script, tmp_path))
    assert [event["number_of_samples"] for event in heard] == [1_920, 960]


@pytest.mark.unmute("S13")
def test_audio_is_ready_when_it_is_made_and_there_when_it_is_sent(tmp_path: Path) -> None:
    entries = exported(interrupted_conversation(), tmp_path)
    ready = [entry for entry in entries if entry["data"]["type"] == "unmute.response.audio.delta.ready"]
    assert [(entry["timestamp_wall"] - STARTED, entry["data"]["number_of_samples"]) for entry in ready[:2]] == [
        (pytest.approx(0.4, abs=1e-6), SAMPLE_RATE // 2)
    ] * 2
    sent = [entry["timestamp_wall"] - STARTED for entry in entries if entry["data"]["type"] == "response.audio.delta"]
    assert sent[0] == pytest.approx(0.4, abs=1e-6)
    assert [at for at in sent if 0.9 < at < 1.2]


def test_the_sound_is_one_ogg_stream_of_what_was_released(tmp_path: Path) -> None:
    entries = exported(interrupted_conversation(), tmp_path)
    reader = sphn.OpusStreamReader(SAMPLE_RATE)
    pages = [base64.b64decode(event["delta"]) for event in of("response.audio.delta", entries)]
    assert pages[0].startswith(b"OggS")
    assert pages[0][5] & 2
    heard = np.concatenate([reader.append_bytes(page) for page in pages])
    # The greeting, what was heard of the answer and 0.3 s more, two words; and silence that flushed the encoder.
    assert 1.0 + 0.8 + 0.5 + 0.5 < len(heard) / SAMPLE_RATE < 4.0
    assert float(np.sqrt(np.mean(heard**2))) > 0.1


def test_the_order_within_a_turn(tmp_path: Path) -> None:
    entries = exported(interrupted_conversation(), tmp_path)
    order = re.sub(r"\b(\w+)( \1\b)+", r"\1", " ".join(_LETTERS.get(kind, "") for kind in types(entries, "server")))
    turns = [turn.split() for turn in order.split("created")]
    assert turns[1][0] == "ready"
    assert turns[1].index("textdone") < turns[1].index("audiodone")
    assert "interrupted" in turns[2]
    assert "audiodone" not in turns[2]


_LETTERS = {
    "response.created": "created",
    "unmute.response.text.delta.ready": "ready",
    "response.text.done": "textdone",
    "response.audio.delta": "audio",
    "response.audio.done": "audiodone",
    "unmute.interrupted_by_vad": "interrupted",
}


def test_a_warning_is_an_error_that_warns(tmp_path: Path) -> None:
    script = Script()
    script.warns(1.0, "I have lost my voice.")
    (error,) = of("error", exported(script, tmp_path))
    assert error["error"]["type"] == "warning"
    assert error["error"]["message"] == "I have lost my voice."


def test_the_prompt_is_not_in_it(tmp_path: Path) -> None:
    script = interrupted_conversation()
    assert "Be kind." not in "".join(unmute(script.save(tmp_path / "recording.jsonl")))


def test_a_recording_that_breaks_off_is_exported_as_far_as_it_goes(tmp_path: Path) -> None:
    script = interrupted_conversation()
    file = script.save(tmp_path / "recording.jsonl")
    whole = [*unmute(file)]
    file.write_bytes(file.read_bytes()[:-400])
    assert 0 < len([*unmute(file)]) <= len(whole)
    assert all(valid(line) for line in unmute(file))


def test_what_is_no_event_of_the_list_is_noticed() -> None:
    line = {"timestamp_wall": 1.0, "event_sender": "server", "data": {"type": "unmute.additional_outputs"}}
    with pytest.raises(AssertionError):
        valid(msgspec.json.encode(line).decode())
