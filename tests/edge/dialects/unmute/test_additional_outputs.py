"""The additional outputs that are sent by themselves, and the figures in them."""

from typing import Any

import pytest

from tests.edge.clients import append_event
from tests.edge.dialects.unmute.harness import DETECTED, FRAME, DialectHarness, body
from tests.edge.sounds import opus_stream, pages_of

UPDATE = '{"type": "session.update", "session": {"allow_recording": false}}'
HEAD, TAGS, *AUDIO = pages_of(opus_stream(4.0))
QUIET_S = 0.11


def send(harness: DialectHarness, *messages: str) -> None:
    for message in messages:
        list(harness.dialect.requests(message, now=0.0))


def another(harness: DialectHarness) -> dict[str, Any]:
    """The outputs that are due after another second and a bit."""
    send(harness, UPDATE)
    speak(harness, [HEAD, TAGS, *AUDIO[:26]])
    harness.pass_time(QUIET_S)
    return body(harness.send_queued())


def speak(harness: DialectHarness, pages: list[bytes]) -> None:
    send(harness, *map(append_event, pages))


@pytest.mark.unmute("S4")
def test_they_are_due_after_more_than_a_second_of_audio(harness: DialectHarness) -> None:
    send(harness, UPDATE)
    speak(harness, [HEAD, TAGS, *AUDIO[:25]])
    harness.pass_time(10)
    assert harness.queued == []
    speak(harness, AUDIO[25:26])
    harness.pass_time(0)
    assert body(harness.send_queued())["args"]["debug_dict"]["last_receive_time"] == 1.04
    speak(harness, AUDIO[26:51])
    harness.pass_time(10)
    assert harness.queued == []
    speak(harness, AUDIO[51:52])
    harness.pass_time(0)
    assert len(harness.send_queued()) == 1


def test_they_wait_until_nothing_was_sent_for_a_moment(harness: DialectHarness) -> None:
    send(harness, UPDATE)
    for _ in range(3):
        harness(reply_word_spoken={"reply_id": "r1", "text": "Well"})
        speak(harness, [HEAD, TAGS, *AUDIO[:30]])
        harness.pass_time(QUIET_S - 0.02)
        assert harness.queued == []
    harness.pass_time(0.02)
    assert len(harness.queued) == 1


def test_one_entry_waits_at_most(harness: DialectHarness) -> None:
    send(harness, UPDATE)
    for _ in range(3):
        speak(harness, [HEAD, TAGS, *AUDIO[:30]])
        harness.pass_time(1.0)
    assert len(harness.queued) == 1
    assert body(harness.send_queued())["args"]["debug_dict"]["last_receive_time"] == 3.6
    speak(harness, [HEAD, TAGS, *AUDIO[:30]])
    harness.pass_time(1.0)
    assert len(harness.queued) == 1


@pytest.mark.parametrize("queued", [False, True])
def test_the_end_of_a_reply_brings_them_in_their_place(harness: DialectHarness, queued: bool) -> None:
    send(harness, UPDATE)
    speak(harness, [HEAD, TAGS, *AUDIO[:30]])
    harness.pass_time(QUIET_S if queued else 0.0)
    harness.reply_says("r1", "Hello")
    harness.pass_time(1.0)
    assert harness.send_queued() == []
    speak(harness, [HEAD, TAGS, *AUDIO[:30]])
    harness.pass_time(1.0)
    assert len(harness.send_queued()) == 1


@pytest.mark.unmute("C2")
def test_they_are_not_due_before_the_first_update(harness: DialectHarness) -> None:
    speak(harness, [HEAD, TAGS, *AUDIO[:50]])
    harness.pass_time(1.0)
    assert harness.queued == []
    send(harness, UPDATE)
    harness.pass_time(1.0)
    assert len(harness.queued) == 1


@pytest.mark.unmute("S4", "B22")
def test_it_shows_the_conversation_and_where_it_stands(harness: DialectHarness) -> None:
    assert another(harness) == {
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
    harness(user_word_recognized={"item_id": "i1", "text": "Well"})
    outputs = another(harness)["args"]
    assert outputs["chat_history"] == [{"role": "user", "content": "Well"}]
    assert outputs["debug_dict"]["conversation_state"] == "user_speaking"
    harness(reply_created={"reply_id": "r1", "voice": "alto"})
    figures = another(harness)["args"]["debug_dict"]
    assert (figures["conversation_state"], figures["tts_voice"]) == ("bot_speaking", "alto")


def test_it_times_an_answer(harness: DialectHarness) -> None:
    harness(user_word_recognized={"item_id": "i1", "text": "Well"})
    harness.now = 10.0
    harness(user_speech_stopped={"item_id": "i1", "cause": DETECTED})
    harness.now = 10.25
    harness(reply_created={"reply_id": "r1"})
    harness.now = 10.5
    harness(reply_text_delta={"reply_id": "r1", "text": "Yes"})
    harness.now = 10.75
    harness(reply_audio={"reply_id": "r1", "audio": FRAME})
    harness.now = 11.0
    harness(reply_text_delta={"reply_id": "r1", "text": " please"})
    harness(reply_audio={"reply_id": "r1", "audio": FRAME})
    timing = {"to_first_token": 0.25, "tts_audio": 0.25, "to_first_audio": 0.75}
    assert another(harness)["args"]["debug_dict"]["timing"] == timing
    harness(reply_released={"reply_id": "r1", "text": "Yes please"})
    assert another(harness)["args"]["debug_dict"]["timing"] == timing
    harness(user_word_recognized={"item_id": "i2", "text": "And"})
    assert another(harness)["args"]["debug_dict"]["timing"] == {}


def test_a_greeting_is_timed_from_its_creation(harness: DialectHarness) -> None:
    harness.now = 5.0
    harness(reply_created={"reply_id": "r1"})
    harness.now = 5.5
    harness(reply_audio={"reply_id": "r1", "audio": FRAME})
    timing = another(harness)["args"]["debug_dict"]["timing"]
    assert timing == {"tts_audio": 0.5, "to_first_audio": 0.5}


@pytest.mark.unmute("B27")
def test_the_figures_do_not_grow(harness: DialectHarness) -> None:
    sizes = set()
    for turn in range(100):
        harness(user_word_recognized={"item_id": f"i{turn}", "text": "Well"})
        harness(user_speech_stopped={"item_id": f"i{turn}", "cause": DETECTED})
        harness(reply_created={"reply_id": f"r{turn}"})
        harness(reply_text_delta={"reply_id": f"r{turn}", "text": "Yes"})
        *_, outputs, _done = harness(reply_released={"reply_id": f"r{turn}", "text": "Yes"})
        sizes.add((len(outputs["args"]["debug_dict"]), len(outputs["args"]["debug_plot_data"])))
    assert sizes == {(4, 0)}
