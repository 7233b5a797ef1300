import pytest

from orchestrator.llm.continuation import Continuation

SAID = ["Once", "upon", "a", "time", "there", "was", "a"]


@pytest.mark.parametrize(
    ("said", "answer", "new"),
    [
        (SAID, "king who sang.", "king who sang."),
        (SAID, "a king who sang.", "king who sang."),
        (SAID, "There was a king.", "king."),
        (SAID, "Once upon a time there was a king.", "king."),
        (SAID, "Once upon a time, a queen sang.", "a queen sang."),
        (SAID, "Once there was none.", "Once there was none."),
        (SAID, "there is none.", "there is none."),
        (SAID, "Once upon a time", ""),
        (SAID, "There was", "There was"),
        (SAID, "", ""),
        (["No,"], "no, never.", "never."),
        ([], "Once upon a time.", "Once upon a time."),
        (["One", "—"], "— two", "two"),
        (["a", "b", "a", "b"], "a b c", "c"),
    ],
)
def test_what_repeats_the_beginning_is_dropped(said: list[str], answer: str, new: str) -> None:
    continuation = Continuation(said)
    words = [each for word in answer.split() for each in continuation.feed(word)]
    assert [*words, *continuation.finish()] == new.split()
