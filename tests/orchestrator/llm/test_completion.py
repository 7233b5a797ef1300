from typing import Any

import pytest

from orchestrator.llm.completion import CompletionParser
from orchestrator.llm.failures import LanguageModelFailed


def chunk(content: Any = None, finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    delta = {"content": content, **fields}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def answer(*, in_thought: bool = False, after_words: bool = False) -> CompletionParser:
    return CompletionParser(starts_in_reasoning=in_thought, after_words=after_words)


def test_words_come_out_when_they_are_whole() -> None:
    one = answer()
    assert one.feed(chunk("Hel")) == []
    assert one.feed(chunk("lo th")) == ["Hello"]
    assert one.words == 1
    assert one.finish() == [" th"]
    assert one.words == 2


def test_words_after_others_begin_with_a_space() -> None:
    assert answer(after_words=True).feed(chunk("Hello ")) == [" Hello"]


@pytest.mark.parametrize("fields", [{"content": ""}, {}, {"role": "assistant"}, {"reasoning_content": ""}])
def test_a_chunk_of_nothing_is_no_sign_of_life(fields: dict[str, Any]) -> None:
    one = answer()
    one.feed(chunk(**fields))
    assert not one.alive
    one.feed({"choices": []})
    assert not one.alive


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "reasoning_details", "thinking"])
def test_a_thought_beside_the_text_is_a_sign_of_life(field: str) -> None:
    one = answer()
    assert one.feed(chunk(**{field: "Hm."})) == []
    assert (one.alive, one.reasoning, one.reasoned) == (True, True, True)
    assert one.feed(chunk("Hello ")) == ["Hello"]
    assert (one.alive, one.reasoning, one.reasoned) == (True, False, True)


def test_something_else_can_be_said_before_the_first_word() -> None:
    one = answer()
    one.feed(chunk("<think>Hm."))
    assert one.insert("One moment…") == ["One", " moment…"]
    assert one.words == 0
    assert one.feed(chunk("</think>\n\nYes. ")) == [" Yes."]


def test_what_was_said_of_a_thought_that_was_not_opened_is_known() -> None:
    one = answer()
    assert one.feed(chunk("They greet me. I shall")) == ["They", " greet", " me.", " I"]
    assert not one.began_in_reasoning
    assert one.feed(chunk(" greet.</think>Hello ")) == [" Hello"]
    assert one.began_in_reasoning


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([], "the language model's answer was empty"),
        ([chunk("")], "the language model's answer was empty"),
        ([chunk("One", "length")], "the language model reached its limit of tokens"),
        ([chunk("One"), chunk(None, "content_filter")], "the language model's server withheld its answer"),
        ([chunk("<think>Hm.", "stop")], "the language model thought, and said nothing"),
        ([chunk(reasoning="Hm."), chunk(None, "stop")], "the language model thought, and said nothing"),
    ],
)
def test_a_bad_end_is_told(chunks: list[dict[str, Any]], message: str) -> None:
    one = answer()
    for each in chunks:
        one.feed(each)
    one.finish()
    with pytest.raises(LanguageModelFailed) as failed:
        one.check()
    assert failed.value.message == message


@pytest.mark.parametrize("chunks", [[chunk(None, "stop")], [chunk("One.")], [chunk("One", "stop"), chunk()]])
def test_a_good_end_is_none(chunks: list[dict[str, Any]]) -> None:
    one = answer()
    for each in chunks:
        one.feed(each)
    one.finish()
    one.check()
