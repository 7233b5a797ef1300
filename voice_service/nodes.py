"""Reads YAML fields of expected types. An error names the line that is not as expected."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from mesh.text.files import TextFileError, read_text

T = TypeVar("T", str, bool, int, float)

_SURROGATE = re.compile("[\ud800-\udfff]")
"""What an escape may leave of a character, and UTF-8 cannot hold."""
_LARGEST = (1 << 63) - 1
"""Of whole numbers: what a message can hold."""

_NAMES = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


class CatalogueError(TextFileError):
    """A catalogue cannot be used."""


def read_list(path: Path) -> list["Fields"]:
    """The entries of a file that holds a list of mappings. Raises `CatalogueError`."""
    root = _compose(path, read_text(path, CatalogueError))
    if not isinstance(root, SequenceNode):
        raise CatalogueError(path, _line(root) if root else None, f"expected a list, found {_found(root)}")
    return [Fields(path, each, "entry", _entry(number, each)) for number, each in enumerate(root.value, start=1)]


class Fields:
    """A mapping whose fields are taken one by one; `done` then refuses what is left over, and `unread` tells of it.

    `name` is what the mapping is called in messages, `entry` the entry of the list that it is part of, `line` where it
    starts. Everything raises `CatalogueError` where the file is not as expected. A field that is left empty counts as
    left out.
    """

    def __init__(self, path: Path, node: Node, name: str, entry: str) -> None:
        self.line = _line(node)
        self.entry = entry
        self._path = path
        self._name = name
        self._nodes: dict[str, Node] = {}
        self._lines: dict[str, int] = {}
        self._taken: list[str] = []
        if not isinstance(node, MappingNode):
            self.refuse(self.line, f"expected the fields of {name}, found {_found(node)}")
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.refuse(_line(key), f"expected the name of a field, found {_found(key)}")
            if key.value in self._nodes:
                self.refuse(_line(key), f"{key.value!r} is there a second time")
            self._nodes[key.value] = value

    def line_of(self, field: str) -> int:
        """Where the value of a field is that is there."""
        return _line(self._nodes[field])

    def refuse(self, line: int, problem: str) -> NoReturn:
        """Say what is wrong in a line."""
        raise CatalogueError(self._path, line, f"{self.entry}: {problem}")

    def optional(self, field: str, kind: type[T]) -> T | None:
        """A field's value; None: it is left out."""
        node = self._take(field)
        if node is None:
            return None
        value = _scalar(node)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or value == "":
            self.refuse(_line(node), f"expected {field!r} to be {_NAMES[kind]}, found {_found(node)}")
        if isinstance(value, str) and _SURROGATE.search(value):
            self.refuse(_line(node), f"{field!r} holds half of a character: {value!r}")
        if isinstance(value, int) and abs(value) > _LARGEST:
            self.refuse(_line(node), f"expected {field!r} to be at most {_LARGEST}, found {_found(node)}")
        return value

    def required(self, field: str, kind: type[T]) -> T:
        """A field's value."""
        value = self.optional(field, kind)
        return self._missing(field) if value is None else value

    def required_choice(self, field: str, choices: Collection[str]) -> str:
        """A field's value, one of several texts."""
        value = self.optional_choice(field, choices)
        return self._missing(field) if value is None else value

    def optional_choice(self, field: str, choices: Collection[str]) -> str | None:
        """A field's value, one of several texts; None: it is left out."""
        value = self.optional(field, str)
        if value is not None and value not in choices:
            self.refuse(self.line_of(field), f"expected {field!r} to be one of {', '.join(choices)}, found {value!r}")
        return value

    def optional_fields(self, field: str) -> "Fields | None":
        """The fields of a field; None: it is left out."""
        node = self._take(field)
        return None if node is None else Fields(self._path, node, field, self.entry)

    def required_fields(self, field: str) -> "Fields":
        """The fields of a field."""
        return self.optional_fields(field) or self._missing(field)

    def done(self) -> None:
        """Refuse the fields that were not read."""
        for line, problem in self._unread():
            self.refuse(line, problem)

    def note(self, field: str, problem: str) -> str:
        """What to tell of a field whose value is left out."""
        return self._note(self.line_of(field), problem)

    def unread(self) -> list[str]:
        """What to tell of fields that nobody has asked for, where they do no harm."""
        return [self._note(line, problem) for line, problem in self._unread()]

    def _note(self, line: int, problem: str) -> str:
        return f"{self._path}:{line}: {self.entry}: {problem}: ignored"

    def _unread(self) -> Iterator[tuple[int, str]]:
        for field, node in self._nodes.items():
            if field not in self._taken:
                yield _line(node), f"{self._name} has no field {field!r}, only {', '.join(self._taken)}"

    def _take(self, field: str) -> Node | None:
        self._taken.append(field)
        node = self._nodes.get(field)
        return None if node is None or _is_empty(node) else node

    def _missing(self, field: str) -> NoReturn:
        self.refuse(self.line, f"{self._name} lacks {field!r}")


def _entry(number: int, node: Node) -> str:
    """What an entry is called in messages: by its place, counted from 1, and the name it has."""
    fields = node.value if isinstance(node, MappingNode) else ()
    name = next((value.value for key, value in fields if key.value == "name" and isinstance(value, ScalarNode)), "")
    return f"voice {number} {name!r}" if name else f"voice {number}"


def _compose(path: Path, text: str) -> Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise CatalogueError(path, line, f"no YAML: {error.problem}") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise CatalogueError(path, line, f"no YAML: {error.reason}") from None


def _scalar(node: Node) -> Any:
    """The node's value; None for a value that cannot be made out."""
    if not isinstance(node, ScalarNode):
        return None
    try:
        return SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError, ArithmeticError, AttributeError, LookupError, TypeError):
        # A tag may stand before anything, `!!timestamp soon` for one, and the library trusts what it finds.
        return None


def _is_empty(node: Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def _found(node: Node | None) -> str:
    """What a node is, for messages."""
    match node:
        case MappingNode():
            return "fields"
        case SequenceNode():
            return "a list"
        case ScalarNode() if node.value:
            return repr(node.value)
        case _:
            return "nothing"


def _line(node: Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 1
