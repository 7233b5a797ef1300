from edge.session.unconfirmed import KEPT_S, SeenEvents, SentRequests
from mesh.times import duration
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_MULAW, AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb

PCM = AudioFormat(sample_rate_hertz=24_000)
FRAME = bytes(3_840)
"""80 ms."""


def audio(pcm: bytes = FRAME) -> pb.ConverseRequest:
    return pb.ConverseRequest(audio=pb.UserAudio(audio=pcm))


def text(words: str) -> pb.ConverseRequest:
    return pb.ConverseRequest(text=pb.UserText(text=words))


def checkpoint(offset: float = 0.0, requests: int = 0) -> pb.Checkpoint:
    return pb.Checkpoint(state=b"s", audio_offset=duration(offset), requests=requests)


def sent(*requests: pb.ConverseRequest, microphone: AudioFormat = PCM) -> SentRequests:
    """All of these were sent."""
    made = SentRequests(microphone)
    for request in requests:
        made.add(request)
        assert made.take_unsent() == [request]
    return made


class TestSentRequests:
    def test_what_no_checkpoint_includes_is_sent_again_in_order(self) -> None:
        requests = [text("one"), audio(), text("two"), audio(), text("three")]
        kept = sent(*requests)
        kept.confirm(checkpoint(0.08, requests=1))
        assert kept.freeze() == 0.08
        kept.restart()
        assert kept.take_unsent() == requests[2:]
        assert kept.take_unsent() == []

    def test_the_numbers_are_the_next_streams(self) -> None:
        kept = sent(text("one"), text("two"), text("three"))
        kept.confirm(checkpoint(requests=1))
        kept.restart()
        assert len(kept.take_unsent()) == 2
        kept.confirm(checkpoint(requests=1))
        kept.restart()
        assert kept.take_unsent() == [text("three")]

    def test_what_was_not_sent_is_not_confirmed(self) -> None:
        kept = sent(text("one"))
        kept.add(text("two"))
        kept.confirm(checkpoint(requests=9))
        assert kept.take_unsent() == [text("two")]

    def test_audio_is_cut_where_a_word_ends(self) -> None:
        kept = sent(audio(), audio(), audio())
        kept.confirm_audio(0.1)
        assert kept.freeze() == 0.1
        kept.restart()
        assert [len(each.audio.audio) for each in kept.take_unsent()] == [2_880, 3_840]

    def test_no_more_than_so_much_audio_is_kept(self) -> None:
        kept = sent(*[audio()] * 400)
        assert kept.freeze() == 32.0 - KEPT_S

    def test_while_it_is_frozen_nothing_is_forgotten(self) -> None:
        kept = sent(audio())
        start = kept.freeze()
        for _ in range(300):
            kept.add(audio())
        kept.confirm_audio(1.0)
        kept.restart()
        assert len(kept.take_unsent()) == 301
        kept.thaw()
        kept.add(audio())
        assert start == 0.0
        assert round(kept.freeze(), 2) == round(302 * 0.08 - KEPT_S, 2)

    def test_without_audio_it_begins_at_the_end(self) -> None:
        kept = sent(audio(bytes(8_000)), microphone=AudioFormat(encoding=AUDIO_ENCODING_MULAW, sample_rate_hertz=8_000))
        kept.confirm_audio(1.0)
        assert kept.freeze() == 1.0


def seen(*events: pb.ConverseResponse) -> SeenEvents:
    made = SeenEvents()
    for event in events:
        made.note(event)
    return made


def told(**event: object) -> pb.ConverseResponse:
    return pb.ConverseResponse(**event)  # type: ignore[arg-type]


CREATED = told(reply_created={"reply_id": "r1"})
WORDS = [
    told(reply_text_delta={"reply_id": "r1", "text": " One"}),
    told(reply_text_delta={"reply_id": "r1", "text": " two"}),
    told(reply_word_spoken={"reply_id": "r1", "text": "One", "end_offset": duration(0.2)}),
    told(reply_word_spoken={"reply_id": "r1", "text": "two", "end_offset": duration(0.4)}),
]


class TestSeenEvents:
    def test_a_reply_in_progress(self) -> None:
        spoken = told(reply_audio={"reply_id": "r1", "audio": bytes(3_840 * 4), "start_offset": duration(0.08)})
        resume = seen(CREATED, *WORDS, spoken, told(checkpoint=checkpoint())).resume(2.0, PCM)
        assert resume.checkpoint == b"s"
        assert resume.audio_offset == duration(2.0)
        assert resume.reply == pb.ReplySoFar(reply_id="r1", text=" One two", heard_text="One two")

    def test_a_word_whose_audio_has_not_come_is_not_heard(self) -> None:
        spoken = told(reply_audio={"reply_id": "r1", "audio": bytes(3_840 * 4)})
        assert seen(CREATED, *WORDS, spoken).resume(0.0, PCM).reply.heard_text == "One"

    def test_of_a_reply_that_is_held_what_comes_later_is_not_heard(self) -> None:
        spoken = told(reply_audio={"reply_id": "r1", "audio": bytes(3_840 * 9)})
        held = told(reply_held={"reply_id": "r1", "heard_duration": duration(0.3)})
        assert seen(CREATED, *WORDS, spoken, held).resume(0.0, PCM).reply.heard_text == "One"

    def test_of_a_reply_that_is_over_its_outcome_is_told_until_a_checkpoint_has_it(self) -> None:
        for end in (
            told(reply_finished={"reply_id": "r1", "text": "One two"}),
            told(reply_cancelled={"reply_id": "r1", "heard_text": "One two"}),
        ):
            over = seen(CREATED, *WORDS, end)
            assert over.resume(0.0, PCM).reply == pb.ReplySoFar(reply_id="r1", heard_text="One two", over=True)
            assert not over.is_pause
            over.note(told(checkpoint=checkpoint()))
            assert not over.resume(0.0, PCM).HasField("reply")
            assert over.is_pause

    def test_what_was_told_before_is_known(self) -> None:
        ended = told(user_turn_ended={"item_id": "i1"})
        assert not seen().repeats(CREATED)
        assert not seen().repeats(ended)
        assert seen(ended, CREATED).repeats(CREATED)
        assert seen(ended, CREATED).repeats(ended)

    def test_a_turn_is_restored_for_a_client_that_comes_back_only(self) -> None:
        restored = pb.ConverseResponse(user_turn_restored=pb.UserTurnRestored(item_id="i", text="Hi."))
        client_returned, orchestrator_lost = seen(), seen(pb.ConverseResponse(checkpoint=checkpoint()))
        assert not client_returned.repeats(restored)
        assert orchestrator_lost.repeats(restored)

    def test_a_turn_that_is_restored_is_known(self) -> None:
        turn = pb.UserTurnRestored(item_id="i", text="Hi.")
        assert not seen(pb.ConverseResponse(user_turn_restored=turn)).is_pause
        turn.ended = True
        over = seen(pb.ConverseResponse(user_turn_restored=turn))
        assert over.is_pause
        assert over.repeats(pb.ConverseResponse(user_turn_ended=pb.UserTurnEnded(item_id="i", text="Hi.")))

    def test_the_words_of_the_open_turn_since_the_checkpoint(self) -> None:
        events = [
            told(user_speech_started={"item_id": "i1"}),
            told(user_word_recognized={"item_id": "i1", "text": "Well"}),
            told(user_speech_stopped={"item_id": "i1"}),
            told(user_speech_started={"item_id": "i1"}),
            told(user_word_recognized={"item_id": "i1", "text": "now"}),
        ]
        assert [word.text for word in seen(*events).resume(0.0, PCM).words] == ["Well", "now"]
        events.append(told(user_turn_ended={"item_id": "i1"}))
        events.append(told(user_word_recognized={"item_id": "i1", "text": "later"}))
        assert len(seen(*events).resume(0.0, PCM).words) == 2
        events.append(told(checkpoint=checkpoint()))
        assert not seen(*events).resume(0.0, PCM).words

    def test_words_of_a_turn_that_began_before_the_stream(self) -> None:
        word = told(user_word_recognized={"item_id": "i1", "text": "Well"})
        assert len(seen(word).resume(0.0, PCM).words) == 1
        assert not seen(word).is_pause

    def test_a_pause(self) -> None:
        speech = told(user_speech_started={"item_id": "i1"})
        ended = told(user_turn_ended={"item_id": "i1"})
        assert seen().is_pause
        assert not seen(speech).is_pause
        assert seen(speech, told(user_turn_discarded={"item_id": "i1"})).is_pause
        assert not seen(speech, ended).is_pause
        assert not seen(speech, ended, CREATED).is_pause
        finished = told(reply_finished={"reply_id": "r1"})
        assert seen(speech, ended, CREATED, finished, told(checkpoint=checkpoint())).is_pause
