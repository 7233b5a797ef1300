"""`parley recording`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from launcher.failure import ExitCode
from launcher.main import main
from orchestrator.recorder.records import Step
from tests.launcher.recordings.script import interrupted_conversation


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return interrupted_conversation().save(tmp_path / "2026-09-21_14-13-20_5e551011.jsonl")


def ran(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["recording", *map(str, arguments)])


class TestReplay:
    def test_of_a_recording_that_is_as_it_was(self, file: Path) -> None:
        replayed = ran("replay", file)
        steps = sum(isinstance(line, Step) for line in interrupted_conversation().lines)
        assert replayed.exit_code == ExitCode.DONE
        assert replayed.stdout.startswith(f"{file}: {steps} steps and ")
        assert replayed.stdout.endswith(" actions, all the same\n")
        assert replayed.stderr == ""

    def test_of_one_that_is_different(self, file: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.jsonl"
        other.write_text(file.read_text().replace('"type":"TurnEndedNotice"', '"type":"TurnDiscardedNotice"', 1))
        replayed = ran("replay", other, file)
        assert replayed.exit_code == ExitCode.FAILED
        first, *rest = replayed.stdout.splitlines()
        assert first.startswith(f"{other}: differs after ")
        assert rest[0].startswith("  at 7.000 s: Flushed(flush_id=1)")
        assert rest[1] == "  recorded:"
        assert rest[2] == "    TurnDiscardedNotice(item_id='item_2')"
        assert "  replayed:" in rest
        assert rest[-1].startswith(f"{file}: ")

    def test_of_one_that_breaks_off(self, file: Path) -> None:
        file.write_bytes(file.read_bytes()[:-10])
        replayed = ran("replay", file)
        assert replayed.exit_code == ExitCode.DONE
        assert "breaks off: its process was killed, or is still writing it." in replayed.stderr


class TestExport:
    def test_to_a_text_by_default(self, file: Path) -> None:
        exported = ran("export", file)
        assert exported.exit_code == ExitCode.DONE
        assert "     you: What is new?\n" in exported.stdout

    def test_to_unmutes_lines(self, file: Path) -> None:
        exported = ran("export", "--format", "unmute", file)
        assert exported.exit_code == ExitCode.DONE
        assert json.loads(exported.stdout.splitlines()[0])["event_sender"] == "client"

    def test_to_a_file(self, file: Path, tmp_path: Path) -> None:
        exported = ran("export", file, "--output", tmp_path / "text.txt")
        assert (exported.exit_code, exported.stdout) == (ExitCode.DONE, "")
        assert (tmp_path / "text.txt").read_text() == ran("export", file).stdout

    def test_of_several_into_a_folder(self, file: Path, tmp_path: Path) -> None:
        unfinished = file.rename(tmp_path / "unfinished.jsonl.part")
        interrupted_conversation().save(file)
        folder = tmp_path / "texts"
        folder.mkdir()
        assert ran("export", file, unfinished, "--output", folder).exit_code == ExitCode.DONE
        assert sorted(each.name for each in folder.iterdir()) == [f"{file.stem}.txt", "unfinished.txt"]
        assert ran("export", "--format", "unmute", file, "--output", folder).exit_code == ExitCode.DONE
        assert (folder / f"{file.stem}.unmute.jsonl").exists()

    def test_of_several_needs_a_folder(self, file: Path, tmp_path: Path) -> None:
        exported = ran("export", file, file, "--output", tmp_path / "text.txt")
        assert exported.exit_code == ExitCode.USAGE
        assert "several recordings need a folder for --output" in exported.stderr

    def test_to_where_nothing_can_be_written(self, file: Path, tmp_path: Path) -> None:
        target = tmp_path / "nowhere" / "text.txt"
        exported = ran("export", file, "--output", target)
        assert exported.exit_code == ExitCode.FAILED
        assert exported.stderr == f"Error: cannot write {target}: No such file or directory\n"


@pytest.mark.parametrize("command", [["replay"], ["export"], ["export", "--format", "unmute"]])
class TestFilesThatAreNoRecordings:
    def test_another_file(self, command: list[str], tmp_path: Path) -> None:
        other = tmp_path / "unmute.jsonl"
        other.write_text('{"timestamp_wall": 1.0, "event_sender": "client", "data": {}}\n')
        refused = ran(*command, other)
        assert refused.exit_code == ExitCode.USAGE
        assert refused.stderr == (
            f"Error: {other} is no recording of Parley's: expected a first line that says parley-recording\n"
        )

    def test_a_damaged_line(self, command: list[str], file: Path) -> None:
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join([*lines[:5], '{"line": "step"}\n', *lines[5:]]))
        refused = ran(*command, file)
        assert refused.exit_code == ExitCode.USAGE
        assert f"Error: {file}, line 6, is no line of a recording" in refused.stderr

    def test_no_file(self, command: list[str], tmp_path: Path) -> None:
        refused = ran(*command, tmp_path / "none.jsonl")
        assert refused.exit_code == ExitCode.USAGE
        assert "does not exist" in refused.stderr
