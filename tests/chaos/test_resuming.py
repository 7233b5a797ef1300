from typing import Any

from chaos.resuming import Resumption


def fed(*events: tuple[str, dict[str, Any]]) -> Resumption:
    resumption = Resumption()
    for name, body in events:
        resumption.feed(name, body)
    return resumption


def test_the_last_token_counts_and_a_checkpoint_without_one_is_none() -> None:
    assert fed(("checkpoint", {"audioOffset": "1s"})).token is None
    tokens = ("first", "second")
    resumption = fed(*(("checkpoint", {"state": token}) for token in tokens))
    assert resumption.config() == {"checkpoint": tokens[1]}


def test_of_a_reply_the_last_word_was_not_heard_to_its_end() -> None:
    created = ("replyCreated", {"replyId": "r"})
    deltas = [("replyTextDelta", {"replyId": "r", "text": text}) for text in ("One", " two", " three.")]
    spoken = [("replyWordSpoken", {"replyId": "r", "text": text}) for text in ("One", "two")]
    resume = fed(created, *deltas, *spoken).config()
    assert resume["reply"] == {"replyId": "r", "text": "One two three.", "heardText": "One"}
    assert "reply" not in fed(created, *deltas, ("replyFinished", {"replyId": "r"})).config()
