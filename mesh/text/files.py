"""Text files that people edit: read whole, and refused with the line at fault."""

from pathlib import Path
from typing import TypeVar


class TextFileError(Exception):
    """A file cannot be used. The message names it, and the line if there is one, and says what was expected."""

    def __init__(self, path: Path, line: int | None, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}" if line else f"{path}: {problem}")
        self.line = line
        """Counted from 1; None: no line in particular."""
        self.problem = problem


E = TypeVar("E", bound=TextFileError)


def read_text(path: Path, error: type[E]) -> str:
    """Return what is in the file, without a byte order mark. Raises `error` if it cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as failure:
        raise error(path, None, f"cannot be read: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise error(path, failure.object.count(b"\n", 0, failure.start) + 1, "expected UTF-8") from None
