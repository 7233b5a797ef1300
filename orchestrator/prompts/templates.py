"""Plain text that people edit: templates with words in braces to fill in, and lists of one entry a line.

A line that begins with "#" is a comment. Errors name file and line, at reading.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mesh.text.files import TextFileError, read_text

_PLACEHOLDER = re.compile(r"{(\w+)}")
_BRACE = re.compile(r"[{}]")
_QUESTION = re.compile(r"(?P<question>.*\w.*\?)\s*(?P<answer>.*\w.*)")
_ENTRY = re.compile(r"(?P<key>[^:\s]+)\s*:\s*(?P<text>\S.*)")


class TemplateError(TextFileError):
    """A text cannot be used."""


class NumberedLine(NamedTuple):
    """A line that is no comment."""

    number: int
    text: str


class Question(NamedTuple):
    """A question of a quiz."""

    question: str
    answer: str


class Template:
    """A text in which the words in braces stand for what is filled in."""

    def __init__(self, text: str) -> None:
        self._text = text

    def filled(self, **values: str) -> str:
        """Return the text with every placeholder replaced; inserted text is not searched for placeholders."""
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self._text)


def read_template(path: Path, *placeholders: str) -> Template:
    """Read a template in which each of the placeholders is there, and no other. Raises `TemplateError`."""
    lines = _lines(path)
    found = set()
    for line in lines:
        for name in _PLACEHOLDER.findall(line.text):
            if name not in placeholders:
                raise TemplateError(
                    path, line.number, f"unknown placeholder {{{name}}}: expected {_named(placeholders)}"
                )
            found.add(name)
        if _BRACE.search(_PLACEHOLDER.sub("", line.text)):
            raise TemplateError(path, line.number, "a brace stands alone: expected braces around one word only")
    text = "\n".join(line.text for line in lines).strip()
    if not text:
        raise TemplateError(path, None, "expected a text, found nothing but comments")
    if missing := [name for name in placeholders if name not in found]:
        raise TemplateError(path, None, f"lacks {_named(missing)}")
    return Template(text)


def read_list(path: Path, *, least: int = 1) -> tuple[str, ...]:
    """Read a list of at least so many entries, no two of them equal. Raises `TemplateError`."""
    return tuple(line.text for line in _entries(path, least))


def read_questions(path: Path, *, least: int) -> tuple[Question, ...]:
    """Read a list of at least so many questions, each with its answer behind it. Raises `TemplateError`."""
    questions = []
    for line in _entries(path, least):
        match = _QUESTION.fullmatch(line.text)
        if match is None:
            raise TemplateError(path, line.number, "expected a question, its question mark, and the answer after it")
        questions.append(Question(match["question"].strip(), match["answer"].strip()))
    return tuple(questions)


def read_table(path: Path, *keys: str, optional: tuple[str, ...] = ()) -> Mapping[str, str]:
    """Read a text for each of the keys, which stands before a colon. Raises `TemplateError`."""
    table: dict[str, str] = {}
    for line in _entries(path, 0):
        match = _ENTRY.fullmatch(line.text)
        if match is None or match["key"] not in (*keys, *optional):
            expected = ", ".join((*keys, *optional))
            raise TemplateError(path, line.number, f"expected one of {expected}, a colon, and a text")
        if match["key"] in table:
            raise TemplateError(path, line.number, f"{match['key']} is there a second time")
        table[match["key"]] = match["text"]
    if missing := [key for key in keys if key not in table]:
        raise TemplateError(path, None, f"lacks {', '.join(missing)}")
    return table


def _entries(path: Path, least: int) -> list[NumberedLine]:
    """The lines of a list that are not blank."""
    entries = [NumberedLine(line.number, line.text.strip()) for line in _lines(path) if line.text.strip()]
    first: dict[str, int] = {}
    for line in entries:
        if (number := first.setdefault(line.text.casefold(), line.number)) != line.number:
            raise TemplateError(path, line.number, f"is the same as line {number}")
        if _BRACE.search(line.text):
            raise TemplateError(path, line.number, "holds a brace: nothing is filled in here")
    if len(entries) < least:
        raise TemplateError(path, None, f"expected at least {least} {'entry' if least == 1 else 'entries'}, one a line")
    return entries


def _lines(path: Path) -> list[NumberedLine]:
    return [line for line in _numbered(path) if not line.text.startswith("#")]


def _numbered(path: Path) -> Iterator[NumberedLine]:
    for number, line in enumerate(read_text(path, TemplateError).split("\n"), 1):
        yield NumberedLine(number, line.rstrip())


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names) or "none here"
