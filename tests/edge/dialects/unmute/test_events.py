import base64
import json
import re
from typing import Any

import pytest

from edge.audio.ogg import OggReader
from mesh.errors import MissingServiceAtCapacity
from mesh.times import duration
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.dialects.unmute.event_checker import CLOSED_LIST
from tests.edge.dialects.unmute.harness import (
    CUT_BY_SPEECH,
    DETECTED,
    FRAME,
    SILENCE,
    DialectHarness,
    body,
    idle_dialect,
)

TRANSCRIPTION = "conversation.item.input_audio_transcription.delta"
STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"


class TestUserSpeech:
    @pytest.mark.unmute("S4")
    def test_a_start_is_told_after_the_first_word(self, harness: DialectHarness) -> None:
        assert harness(user_speech_started={"item_id": "i1", "cause": DETECTED}) == []
        first = harness(user_word_recognized={"item_id": "i1", "text": "Hello", "start_offset": duration(1.25)})
        assert body(first[:1]) == {"type": TRANSCRIPTION, "delta": "Hello", "start_time": 1.25}
        assert body(first[1:]) == {"type": STARTED}
        second = harness(user_word_recognized={"item_id": "i1", "text": "there", "start_offset": duration(1.5)})
        assert body(second) == {"type": TRANSCRIPTION, "delta": "there", "start_time": 1.5}
        assert body(harness(user_speech_stopped={"item_id": "i1", "cause": DETECTED})) == {"type": STOPPED}

    @pytest.mark.unmute("S4")
    def test_words_may_come_after_the_stop(self, harness: DialectHarness) -> None:
        harness.user_says("i1", "Hello")
        harness(user_word_recognized={"item_id": "i1", "text": "there"})
        assert harness.types == [TRANSCRIPTION, STARTED, STOPPED, TRANSCRIPTION]

    def test_a_pause_before_the_first_word_is_told_after_it(self, harness: DialectHarness) -> None:
        harness(user_speech_started={"item_id": "i1", "cause": DETECTED})
        assert harness(user_speech_stopped={"item_id": "i1", "cause": DETECTED}) == []
        harness(user_word_recognized={"item_id": "i1", "text": "Yes"})
        harness(user_word_recognized={"item_id": "i1", "text": "please"})
        assert harness.types == [TRANSCRIPTION, STARTED, STOPPED, TRANSCRIPTION]

    def test_a_pause_that_was_none_is_not_told(self, harness: DialectHarness) -> None:
        harness(user_speech_started={"item_id": "i1", "cause": DETECTED})
        harness(user_speech_stopped={"item_id": "i1", "cause": DETECTED})
        harness(user_speech_started={"item_id": "i1", "cause": DETECTED})
        harness(user_word_recognized={"item_id": "i1", "text": "Yes"})
        assert harness.types == [TRANSCRIPTION, STARTED]

    def test_speech_that_goes_on_is_no_new_start(self, harness: DialectHarness) -> None:
        harness.user_says("i1", "Hello")
        harness(user_speech_started={"item_id": "i1", "cause": DETECTED})
        harness(user_word_recognized={"item_id": "i1", "text": "again"})
        assert harness.types.count(STARTED) == 1

    def test_a_turn_without_words_is_never_mentioned(self, harness: DialectHarness) -> None:
        harness(user_speech_started={"item_id": "i1", "cause": DETECTED})
        harness(user_speech_stopped={"item_id": "i1", "cause": DETECTED})
        harness(user_turn_discarded={"item_id": "i1"})
        assert harness.types == []

    def test_each_turn_has_its_start(self, harness: DialectHarness) -> None:
        harness.user_says("i1", "One")
        harness.user_says("i2", "two")
        assert harness.types == [TRANSCRIPTION, STARTED, STOPPED] * 2

    @pytest.mark.unmute("S4")
    def test_a_long_silence_is_a_stop_without_a_start(self, harness: DialectHarness) -> None:
        assert body(harness(user_speech_stopped={"item_id": "i1", "cause": SILENCE})) == {"type": STOPPED}

    @pytest.mark.unmute("B33")
    @pytest.mark.parametrize("blank", ["", " ", "...", "\u2014"])
    def test_a_word_without_letters_is_not_told(self, harness: DialectHarness, blank: str) -> None:
        harness(user_speech_started={"item_id": "i1", "cause": DETECTED})
        assert harness(user_word_recognized={"item_id": "i1", "text": blank}) == []
        harness(user_word_recognized={"item_id": "i1", "text": "Yes"})
        assert harness.types == [TRANSCRIPTION, STARTED]

    @pytest.mark.parametrize("word", ["42", "好", "é", "a."])
    def test_any_letter_or_digit_makes_a_word(self, harness: DialectHarness, word: str) -> None:
        harness(user_word_recognized={"item_id": "i1", "text": word})
        assert harness.events[0]["delta"] == word

    def test_guesses_are_not_told(self, harness: DialectHarness) -> None:
        assert harness(user_partial_transcript={"text": "hel"}) == []


class TestReply:
    @pytest.mark.unmute("C6", "S4")
    def test_from_beginning_to_end(self, harness: DialectHarness) -> None:
        harness.user_says("i1", "Hello")
        harness.events.clear()
        created = harness(reply_created={"reply_id": "r1", "item_id": "i2", "voice": "alto"})
        assert body(created) == {
            "type": "response.created",
            "response": {
                "id": "r1",
                "object": "realtime.response",
                "status": "in_progress",
                "voice": "alto",
                "chat_history": [{"role": "user", "content": "Hello"}],
            },
        }
        ready = harness(reply_text_delta={"reply_id": "r1", "text": " Hi"})
        assert body(ready) == {"type": "unmute.response.text.delta.ready", "delta": " Hi"}
        done = harness(reply_text_done={"reply_id": "r1", "text": " Hi"})
        assert body(done) == {"type": "response.text.done", "text": " Hi"}
        audio = harness(reply_audio={"reply_id": "r1", "audio": FRAME})
        pages = base64.b64decode(body(audio)["delta"])
        assert [page.begins_stream for page in OggReader().read(pages)] == [True, False, False, False]
        spoken = harness(reply_word_spoken={"reply_id": "r1", "text": "Hi"})
        assert body(spoken) == {"type": "response.text.delta", "delta": "Hi"}
        flushed, outputs, end = harness(reply_released={"reply_id": "r1", "text": "Hi"})
        assert flushed["type"] == "response.audio.delta"
        assert body([outputs]) == {
            "type": "unmute.additional_outputs",
            "args": {
                "chat_history": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}],
                "debug_dict": {
                    "conversation_state": "waiting_for_user",
                    "timing": {"to_first_token": 0.0, "tts_audio": 0.0, "to_first_audio": 0.0},
                    "tts_voice": "alto",
                    "last_receive_time": 0.0,
                },
                "debug_plot_data": [],
            },
            "response": None,
        }
        assert body([end]) == {
            "type": "response.audio.done",
            "response": {"id": "r1", "status": "completed", "text": "Hi"},
        }
        assert harness(reply_finished={"reply_id": "r1", "text": "Hi"}) == []

    @pytest.mark.unmute("S4")
    def test_an_engines_own_voice_is_missing(self, harness: DialectHarness) -> None:
        assert harness(reply_created={"reply_id": "r1"})[0]["response"]["voice"] == "missing"

    @pytest.mark.unmute("B8")
    def test_one_that_says_nothing_is_a_turn_like_any_other(self, harness: DialectHarness) -> None:
        """The load test times the first word and the first audio of each, and reads its text from the history."""
        harness(reply_created={"reply_id": "r1"})
        harness(reply_text_done={"reply_id": "r1", "text": ""})
        harness(reply_released={"reply_id": "r1", "text": ""})
        assert harness.types == [
            "response.created",
            "unmute.response.text.delta.ready",
            "response.text.done",
            "response.audio.delta",
            "unmute.additional_outputs",
            "response.audio.done",
        ]
        assert harness.events[1]["delta"] == ""
        assert harness.events[-2]["args"]["chat_history"] == [{"role": "assistant", "content": ""}]

    @pytest.mark.unmute("C5", "S5")
    def test_one_stream_for_all_replies(self, harness: DialectHarness) -> None:
        for number in range(3):
            harness.reply_says(f"r{number}", "Hi")
        harness(reply_audio={"reply_id": "r3", "audio": FRAME})
        harness(reply_cancelled={"reply_id": "r3", "cause": CUT_BY_SPEECH})
        harness.reply_says("r4", "Hi")
        stream = b"".join(
            base64.b64decode(event["delta"]) for event in harness.events if event["type"].endswith("audio.delta")
        )
        pages = list(OggReader().read(stream))
        assert [page.begins_stream for page in pages].count(True) == 1
        assert len({page.serial for page in pages}) == 1
        assert [int.from_bytes(page.encoded[18:22], "little") for page in pages] == list(range(len(pages)))

    def test_holding_and_resuming_are_not_told(self, harness: DialectHarness) -> None:
        assert harness(reply_held={"reply_id": "r1"}) == []
        assert harness(reply_resumed={"reply_id": "r1"}) == []


INTERRUPTIONS = [conversation.CANCEL_CAUSE_SPEECH_DETECTED, conversation.CANCEL_CAUSE_WORD_RECOGNIZED]


class TestInterruption:
    @pytest.mark.unmute("B12", "S4")
    @pytest.mark.parametrize("cause", INTERRUPTIONS)
    def test_what_is_held_back_is_flushed_first_and_the_outcome_is_told(
        self, harness: DialectHarness, cause: int
    ) -> None:
        harness(reply_created={"reply_id": "r1"})
        harness(reply_audio={"reply_id": "r1", "audio": FRAME})
        flushed, interrupted = harness(reply_cancelled={"reply_id": "r1", "cause": cause, "heard_text": "Once upon"})
        assert flushed["type"] == "response.audio.delta"
        assert body([interrupted]) == {
            "type": "unmute.interrupted_by_vad",
            "response": {"id": "r1", "status": "cancelled", "text": "Once upon"},
        }

    @pytest.mark.parametrize("cause", INTERRUPTIONS)
    def test_no_audio_is_sent_for_one_that_was_never_heard(self, harness: DialectHarness, cause: int) -> None:
        harness(reply_created={"reply_id": "r1"})
        harness(reply_cancelled={"reply_id": "r1", "cause": cause})
        assert harness.types == ["response.created", "unmute.interrupted_by_vad"]
        assert harness.events[-1]["response"]["text"] == ""

    @pytest.mark.unmute("B12")
    @pytest.mark.parametrize(
        ("cause", "status"),
        [(conversation.CANCEL_CAUSE_TYPED, "cancelled"), (conversation.CANCEL_CAUSE_FAILED, "failed")],
    )
    def test_other_causes_are_no_interruption_but_have_an_outcome(
        self, harness: DialectHarness, cause: int, status: str
    ) -> None:
        harness(reply_created={"reply_id": "r1"})
        [outputs] = harness(reply_cancelled={"reply_id": "r1", "cause": cause, "heard_text": "Once"})
        assert outputs["type"] == "unmute.additional_outputs"
        assert outputs["response"] == {"id": "r1", "status": status, "text": "Once"}
        assert outputs["args"]["chat_history"] == [{"role": "assistant", "content": "Once"}]

    def test_what_a_failed_reply_has_said_comes_out(self, harness: DialectHarness) -> None:
        harness(reply_created={"reply_id": "r1"})
        harness(reply_audio={"reply_id": "r1", "audio": FRAME})
        harness(reply_cancelled={"reply_id": "r1", "cause": conversation.CANCEL_CAUSE_FAILED})
        assert harness.types[-2:] == ["response.audio.delta", "unmute.additional_outputs"]

    def test_a_text_that_goes_on_after_the_voice_has_failed_is_ended_with_it(self, harness: DialectHarness) -> None:
        harness(reply_created={"reply_id": "r1"})
        harness(reply_text_delta={"reply_id": "r1", "text": "Once"})
        harness(reply_audio={"reply_id": "r1", "audio": FRAME})
        ended = harness(reply_released={"reply_id": "r1", "text": "Once"})
        assert (ended[0]["type"], ended[0]["text"]) == ("response.text.done", "Once")
        assert harness(reply_text_delta={"reply_id": "r1", "text": " upon"}) == []
        assert harness(reply_text_done={"reply_id": "r1", "text": "Once upon"}) == []

    def test_one_whose_voice_failed_on_the_way_was_not_completed(self, harness: DialectHarness) -> None:
        harness(reply_created={"reply_id": "r1"})
        harness(reply_audio={"reply_id": "r1", "audio": FRAME})
        harness(warning={"reason": "TTS_FAILED", "message": "I have lost my voice for a moment."})
        harness(reply_released={"reply_id": "r1", "text": "Once"})
        assert harness.events[-1]["response"] == {"id": "r1", "status": "failed", "text": "Once"}
        harness.reply_says("r2", "Again")
        assert harness.events[-1]["response"]["status"] == "completed"

    def test_one_that_is_cut_after_its_release_was_completed_and_then_cancelled(self, harness: DialectHarness) -> None:
        """And no audio is sent after its end."""
        harness.reply_says("r1", "Once upon a time")
        harness(reply_cancelled={"reply_id": "r1", "cause": CUT_BY_SPEECH, "heard_text": "Once"})
        assert harness.types[-2:] == list(ENDS)
        outcomes = [event["response"] for event in harness.events if event["type"] in ENDS]
        assert [(each["status"], each["text"]) for each in outcomes] == [
            ("completed", "Once upon a time"),
            ("cancelled", "Once"),
        ]


ENDS = ("response.audio.done", "unmute.interrupted_by_vad")


class TestChatHistory:
    def history(self, harness: DialectHarness) -> list[tuple[str, str]]:
        [created] = harness(reply_created={"reply_id": "last"})
        return [(message["role"], message["content"]) for message in created["response"]["chat_history"]]

    def test_it_begins_empty(self, harness: DialectHarness) -> None:
        assert self.history(harness) == []

    def test_it_grows(self, harness: DialectHarness) -> None:
        harness.reply_says("r1", "Hi.")
        harness.user_says("i1", "Hello")
        harness(user_turn_ended={"item_id": "i2", "text": "...", "cause": SILENCE})
        assert self.history(harness) == [("assistant", "Hi."), ("user", "Hello"), ("user", "...")]

    def test_a_cut_reply_keeps_what_was_heard(self, harness: DialectHarness) -> None:
        harness(reply_created={"reply_id": "r1"})
        harness(reply_cancelled={"reply_id": "r1", "cause": CUT_BY_SPEECH, "heard_text": "Once upon"})
        assert self.history(harness) == [("assistant", "Once upon")]

    def test_a_reply_cut_after_its_release_is_shortened(self, harness: DialectHarness) -> None:
        harness.reply_says("r1", "Once upon a time")
        harness.user_says("i1", "Stop")
        harness(reply_cancelled={"reply_id": "r1", "cause": CUT_BY_SPEECH, "heard_text": "Once upon"})
        assert self.history(harness) == [("assistant", "Once upon"), ("user", "Stop")]

    def test_an_unheard_reply_is_forgotten(self, harness: DialectHarness) -> None:
        harness.reply_says("r1", "Once upon a time")
        harness(reply_cancelled={"reply_id": "r1", "cause": CUT_BY_SPEECH})
        assert self.history(harness) == []

    def test_it_tells_what_has_been_said_so_far(self, harness: DialectHarness) -> None:
        harness(reply_created={"reply_id": "r1"})
        harness(reply_word_spoken={"reply_id": "r1", "text": "Once"})
        harness(reply_word_spoken={"reply_id": "r1", "text": "upon"})
        assert self.history(harness) == [("assistant", "Once upon")]
        harness(reply_cancelled={"reply_id": "r1", "cause": CUT_BY_SPEECH, "heard_text": "Once"})
        harness(user_word_recognized={"item_id": "i1", "text": "No,"})
        harness(user_word_recognized={"item_id": "i1", "text": "stop"})
        assert self.history(harness) == [("assistant", "Once"), ("user", "No, stop")]

    def test_a_turn_that_goes_on_is_still_one(self, harness: DialectHarness) -> None:
        harness.user_says("i1", "I", "think")
        harness(reply_created={"reply_id": "r1"})
        harness(reply_cancelled={"reply_id": "r1", "cause": CUT_BY_SPEECH})
        harness(user_turn_ended={"item_id": "i1", "text": "I think so", "cause": DETECTED})
        assert self.history(harness) == [("user", "I think so")]


def test_a_warning(harness: DialectHarness) -> None:
    warning = body(harness(warning={"reason": "LLM_FAILED", "message": "I lost my thread."}))
    assert warning["error"]["type"] == "warning"
    assert warning["error"]["message"] == "I lost my thread."


def test_a_fatal_error_names_the_service_and_when_to_return() -> None:
    error = MissingServiceAtCapacity.of("stt", retry_after=2.0)
    message = idle_dialect().fatal("Every stt is taken.", error)
    event = body([json.loads(message)])
    assert event["error"]["type"] == "fatal"
    assert event["error"]["message"] == "Every stt is taken."
    assert event["error"]["details"] == {"reason": "AT_CAPACITY", "service": "stt", "retry_after": 2.0}


@pytest.mark.unmute("S2", "S4")
def test_every_event_is_known(harness: DialectHarness) -> None:
    """A new member of the contract is noticed here."""
    [oneof] = [each for each in conversation.ConverseResponse.DESCRIPTOR.oneofs if each.name == "event"]
    for member in oneof.fields:
        fields: dict[str, Any] = {member.name: {}}
        for event in harness(**fields):
            assert re.fullmatch("event_[A-Za-z0-9]{21}", event["event_id"])
            assert event["type"] in CLOSED_LIST
    assert len(oneof.fields) == 24
    assert len({event["event_id"] for event in harness.events}) == len(harness.events)
