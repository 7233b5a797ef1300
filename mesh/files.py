"""Files that people edit: read as UTF-8, and refused with the line and the reason."""

from pathlib import Path


class BadFile(Exception):  # noqa: N818 - named after what has happened
    """A file cannot be used. The message names it, and the line if there is one, and says what was expected."""

    def __init__(self, path: Path, line: int | None, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}" if line else f"{path}: {problem}")
        self.line = line
        """Counted from 1; None: no line in particular."""
        self.problem = problem


def read_text(path: Path, kind: type[BadFile]) -> str:
    """The file's text, without a byte order mark. Raises the given kind of `BadFile`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise kind(path, None, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise kind(path, error.object.count(b"\n", 0, error.start) + 1, "expected UTF-8") from None
