from typing import Any

from chaos.resuming import Resumption


def fed(*events: tuple[str, dict[str, Any]]) -> Resumption:
    resumption = Resumption()
    for name, body in events:
        resumption.feed(name, body)
    return resumption


def word(text: str, ends_s: float) -> tuple[str, dict[str, Any]]:
    return "userWordRecognized", {"itemId": "1", "text": text, "endOffset": f"{ends_s}s"}


def test_without_a_token_there_is_nothing_to_go_on_with() -> None:
    assert fed().token is None
    assert fed(("checkpoint", {"audioOffset": "1s"})).token is None
    tokens = ("first", "second")
    assert fed(*(("checkpoint", {"state": token}) for token in tokens)).token == tokens[1]


def test_the_words_of_an_open_turn_are_given_and_the_microphone_goes_on_behind_the_last() -> None:
    resume, first = fed(("userSpeechStarted", {}), word("one", 0.8), word("two", 1.2)).config(sent_frames=50)
    assert [each["text"] for each in resume["words"]] == ["one", "two"]
    assert (resume["audioOffset"], first) == ("1.200s", 15)


def test_a_turn_that_is_over_has_no_words_left() -> None:
    resume, first = fed(("userSpeechStarted", {}), word("one", 0.8), ("userTurnEnded", {})).config(sent_frames=50)
    assert "words" not in resume
    assert first == 10


def test_at_most_ten_seconds_are_sent_again_and_never_what_was_not_said_yet() -> None:
    assert fed().config(sent_frames=500)[1] == 375
    assert fed(word("one", 9.9)).config(sent_frames=5)[1] == 5


def test_of_a_reply_the_last_word_was_not_heard_to_its_end() -> None:
    created = ("replyCreated", {"replyId": "r"})
    deltas = [("replyTextDelta", {"replyId": "r", "text": text}) for text in ("One", " two", " three.")]
    spoken = [("replyWordSpoken", {"replyId": "r", "text": text}) for text in ("One", "two")]
    resume, _ = fed(created, *deltas, *spoken).config(sent_frames=0)
    assert resume["reply"] == {"replyId": "r", "text": "One two three.", "heardText": "One"}
    resume, _ = fed(created, *deltas, ("replyFinished", {"replyId": "r"})).config(sent_frames=0)
    assert "reply" not in resume
