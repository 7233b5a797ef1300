"""What the file shows to others, and what becomes of a file that cannot be used."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from mesh.errors import UpstreamDown
from voice_service.store import CustomVoice, Retention
from voice_service.stores.sqlite import sqlite_store

MARK = b"nobody must be able to read this afterwards"
SECRET = CustomVoice("espeak", MARK * 2_000)


def traces(folder: Path) -> int:
    """How often the secret can be read in the files."""
    return sum(path.read_bytes().count(MARK) for path in folder.iterdir())


def size(path: Path) -> int:
    return path.stat().st_size


async def test_what_is_forgotten_is_gone_from_the_disk_too(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path / "voices.sqlite3", Retention(time_to_live_s=0.2)) as store:
        await store.put("custom:1", SECRET)
        assert traces(tmp_path)
        async with asyncio.timeout(10):
            while traces(tmp_path):
                await store.purge()
                await asyncio.sleep(0.02)
        assert size(tmp_path / "voices.sqlite3") < len(SECRET.embedding)
        assert size(tmp_path / "voices.sqlite3-wal") == 0


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "own" / "voices.sqlite3"
    async with sqlite_store(path, Retention()) as store:
        await store.put("custom:1", SECRET)
        assert path.parent.stat().st_mode & 0o077 == 0
        assert [each.name for each in path.parent.iterdir() if each.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("problem", ["a folder", "no database"])
async def test_a_file_that_cannot_be_used(tmp_path: Path, problem: str) -> None:
    path = tmp_path / "voices.sqlite3"
    if problem == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"hello" * 1_000)
    with pytest.raises(UpstreamDown, match="store of custom voices cannot be used"):
        async with sqlite_store(path, Retention()):
            pass


async def test_a_file_that_somebody_else_keeps_busy_does_not_stop_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "voices.sqlite3"
    async with sqlite_store(path, Retention()) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        putting = asyncio.create_task(store.put("custom:1", SECRET))
        turns = 0
        while not putting.done() and turns < 50:
            turns += 1
            await asyncio.sleep(0)
        assert turns == 50
        other.execute("ROLLBACK")
        other.close()
        await putting
        assert await store.get("custom:1")
