"""The folder of recordings as a test looks at it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from orchestrator.recorder.files import UNFINISHED
from orchestrator.recorder.reading import read
from orchestrator.recorder.records import Record

L = TypeVar("L", bound=Record)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def only(folder: Path) -> Path:
    """The one complete recording."""
    (file,) = files(folder)
    assert file.suffix == ".jsonl"
    return file


async def until(folder: Path, *suffixes: str) -> list[Path]:
    """Wait until the folder has files that end like this, and no others; return them."""
    async with asyncio.timeout(10):
        while [file.suffix for file in files(folder)] != [*suffixes]:  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.02)
    return files(folder)


async def unfinished(folder: Path) -> Path:
    """Wait for a recording whose session lasts."""
    (file,) = await until(folder, UNFINISHED)
    return file


def recorded(file: Path) -> list[Record]:
    return [line for _, line in read(file)]


def of(kind: type[L], lines: Sequence[Record]) -> list[L]:
    return [line for line in lines if isinstance(line, kind)]
