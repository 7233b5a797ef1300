from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.prompts.templates import Question, TemplateError, read_list, read_questions, read_table, read_template


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """A file that holds this text."""

    def write(text: str) -> Path:
        path = tmp_path / "mine.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


Written = Callable[[str], Path]


def test_a_template_is_filled_and_its_comments_are_left_out(written: Written) -> None:
    template = read_template(written("# {nobody}\n\nHello {name},\n# still\ngood {time}.\n"), "name", "time")
    assert template.filled(name="Ada", time="day") == "Hello Ada,\ngood day."


def test_what_is_filled_in_is_not_looked_at_again(written: Written) -> None:
    template = read_template(written("{name} and {time}"), "name", "time")
    assert template.filled(name="{time} {0} {", time="{name}") == "{time} {0} { and {name}"


def test_lists_keep_their_order(written: Written) -> None:
    assert read_list(written("# animals\r\n\r\ncat\r\n  dog \r\n")) == ("cat", "dog")


def test_the_mark_that_some_editors_put_in_front_is_no_text(written: Written) -> None:
    assert read_list(written("\ufeff# animals\ncat")) == ("cat",)


def test_an_answer_is_what_follows_the_question_mark(written: Written) -> None:
    path = written("Who? Me: I\nQui a dit « quoi ? » ? Lui\n")
    assert read_questions(path, least=1) == (Question("Who?", "Me: I"), Question("Qui a dit « quoi ? » ?", "Lui"))


def test_a_table_has_a_text_for_each_key(written: Written) -> None:
    assert read_table(written("en: Speak: now.\nen/fr : Either."), "en", "en/fr") == {
        "en": "Speak: now.",
        "en/fr": "Either.",
    }


def _template(path: Path) -> Any:
    return read_template(path, "name")


def _plain(path: Path) -> Any:
    return read_template(path)


def _questions(path: Path) -> Any:
    return read_questions(path, least=1)


def _table(path: Path) -> Any:
    return read_table(path, "en", "fr")


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        (_template, "Hello {name}.\n\n{nmae}", ":3: unknown placeholder {nmae}: expected {name}"),
        (_plain, "Hello {name}.", ":1: unknown placeholder {name}: expected none here"),
        (_template, "Hello\n{name}, {\n", ":2: a brace stands alone"),
        (_template, "{name} {{name}}", ":1: a brace stands alone"),
        (_template, "{name} {}", ":1: a brace stands alone"),
        (_template, "Hello.", ": lacks {name}"),
        (_template, "# {name}\n", ": expected a text, found nothing but comments"),
        (read_list, "", ": expected at least 1 entry, one a line"),
        (read_list, "cat\n\ndog\nCat", ":4: is the same as line 1"),
        (read_list, "cat\n{dog}", ":2: holds a brace"),
        (_questions, "Who? Me\nWho is it?", ":2: expected a question, its question mark, and the answer after it"),
        (_questions, "Me", ":1: expected a question"),
        (_questions, "? Me", ":1: expected a question"),
        (_table, "en: yes\nde: no", ":2: expected one of en, fr, a colon, and a text"),
        (_table, "en: yes\nfr:", ":2: expected one of en, fr, a colon, and a text"),
        (_table, "en: yes\nen: no", ":2: en is there a second time"),
        (_table, "en: yes", ": lacks fr"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    written: Written, read: Callable[[Path], Any], text: str, told: str
) -> None:
    path = written(text)
    with pytest.raises(TemplateError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}{told}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"none\.txt: cannot be read: No such file"):
        read_list(tmp_path / "none.txt")


def test_what_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes("chat\nchien\ngénisse".encode("latin-1"))
    with pytest.raises(TemplateError, match=r"latin\.txt:3: expected UTF-8"):
        read_list(path)
