"""The folder of recordings as a test looks at it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from orchestrator.recorder.lines import Line
from orchestrator.recorder.reading import read

L = TypeVar("L", bound=Line)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def only(folder: Path) -> Path:
    """The one complete recording."""
    (file,) = files(folder)
    assert file.suffix == ".jsonl"
    return file


async def unfinished(folder: Path) -> Path:
    """Wait for a recording whose session lasts."""
    async with asyncio.timeout(5):
        while not files(folder):  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.01)
    (file,) = files(folder)
    assert file.suffixes[-2:] == [".jsonl", ".part"]
    return file


def recorded(file: Path) -> list[Line]:
    return [line for _, line in read(file)]


def of(kind: type[L], lines: Sequence[Line]) -> list[L]:
    return [line for line in lines if isinstance(line, kind)]
