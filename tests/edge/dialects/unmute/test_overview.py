"""The overview that fills pauses, and the figures in it."""

import json
from typing import Any

import pytest

from tests.edge.clients import append_event
from tests.edge.dialects.unmute.told import DETECTED, FRAME, Told, body
from tests.edge.sounds import opus_stream, pages_of

UPDATE = '{"type": "session.update", "session": {"allow_recording": false}}'
HEAD, TAGS, *AUDIO = pages_of(opus_stream(4.0))


def send(told: Told, *messages: str) -> None:
    for message in messages:
        list(told.dialect.requests(message, now=0.0))


def filling(told: Told) -> dict[str, Any]:
    return body([json.loads(message) for message in told.dialect.pause()])


def another(told: Told) -> dict[str, Any]:
    """The overview that is due after another second and a bit."""
    send(told, UPDATE)
    speak(told, [HEAD, TAGS, *AUDIO[:26]])
    return filling(told)


def speak(told: Told, pages: list[bytes]) -> None:
    send(told, *map(append_event, pages))


@pytest.mark.unmute("S4")
def test_one_is_due_after_more_than_a_second_of_audio(told: Told) -> None:
    send(told, UPDATE)
    speak(told, [HEAD, TAGS, *AUDIO[:25]])
    assert not told.dialect.wants_pause()
    speak(told, AUDIO[25:26])
    assert told.dialect.wants_pause()
    assert filling(told)["args"]["debug_dict"]["last_receive_time"] == 1.04
    assert not told.dialect.wants_pause()
    speak(told, AUDIO[26:51])
    assert not told.dialect.wants_pause()
    speak(told, AUDIO[51:52])
    assert told.dialect.wants_pause()


def test_the_end_of_a_reply_brings_one_in_its_place(told: Told) -> None:
    send(told, UPDATE)
    speak(told, [HEAD, TAGS, *AUDIO[:30]])
    assert told.dialect.wants_pause()
    told.reply_says("r1", "Hello")
    assert not told.dialect.wants_pause()
    assert list(told.dialect.pause()) == []


@pytest.mark.unmute("C2")
def test_none_is_due_before_the_first_update(told: Told) -> None:
    speak(told, [HEAD, TAGS, *AUDIO[:50]])
    assert not told.dialect.wants_pause()
    send(told, UPDATE)
    assert told.dialect.wants_pause()


@pytest.mark.unmute("S4", "B22")
def test_it_shows_the_conversation_and_where_it_stands(told: Told) -> None:
    assert another(told) == {
        "type": "unmute.additional_outputs",
        "args": {
            "chat_history": [],
            "debug_dict": {
                "conversation_state": "waiting_for_user",
                "timing": {},
                "tts_voice": "none",
                "last_receive_time": 1.04,
            },
            "debug_plot_data": [],
        },
        "response": None,
    }
    told(user_word_recognized={"item_id": "i1", "text": "Well"})
    outputs = another(told)["args"]
    assert outputs["chat_history"] == [{"role": "user", "content": "Well"}]
    assert outputs["debug_dict"]["conversation_state"] == "user_speaking"
    told(reply_created={"reply_id": "r1", "voice": "alto"})
    figures = another(told)["args"]["debug_dict"]
    assert (figures["conversation_state"], figures["tts_voice"]) == ("bot_speaking", "alto")


def test_it_times_an_answer(told: Told) -> None:
    told(user_word_recognized={"item_id": "i1", "text": "Well"})
    told.now = 10.0
    told(user_speech_stopped={"item_id": "i1", "cause": DETECTED})
    told.now = 10.25
    told(reply_created={"reply_id": "r1"})
    told.now = 10.5
    told(reply_text_delta={"reply_id": "r1", "text": "Yes"})
    told.now = 10.75
    told(reply_audio={"reply_id": "r1", "audio": FRAME})
    told.now = 11.0
    told(reply_text_delta={"reply_id": "r1", "text": " please"})
    told(reply_audio={"reply_id": "r1", "audio": FRAME})
    timing = {"to_first_token": 0.25, "tts_audio": 0.25, "to_first_audio": 0.75}
    assert another(told)["args"]["debug_dict"]["timing"] == timing
    told(reply_released={"reply_id": "r1", "text": "Yes please"})
    assert another(told)["args"]["debug_dict"]["timing"] == timing
    told(user_word_recognized={"item_id": "i2", "text": "And"})
    assert another(told)["args"]["debug_dict"]["timing"] == {}


def test_a_greeting_is_timed_from_its_creation(told: Told) -> None:
    told.now = 5.0
    told(reply_created={"reply_id": "r1"})
    told.now = 5.5
    told(reply_audio={"reply_id": "r1", "audio": FRAME})
    timing = another(told)["args"]["debug_dict"]["timing"]
    assert timing == {"tts_audio": 0.5, "to_first_audio": 0.5}


@pytest.mark.unmute("B27")
def test_the_figures_do_not_grow(told: Told) -> None:
    sizes = set()
    for turn in range(1_000):
        told(user_word_recognized={"item_id": f"i{turn}", "text": "Well"})
        told(user_speech_stopped={"item_id": f"i{turn}", "cause": DETECTED})
        told(reply_created={"reply_id": f"r{turn}"})
        told(reply_text_delta={"reply_id": f"r{turn}", "text": "Yes"})
        *_, outputs, _done = told(reply_released={"reply_id": f"r{turn}", "text": "Yes"})
        sizes.add((len(outputs["args"]["debug_dict"]), len(outputs["args"]["debug_plot_data"])))
    assert sizes == {(4, 0)}
