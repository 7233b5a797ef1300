from pathlib import Path

import pytest

from orchestrator.conversation import State
from orchestrator.recorder import records
from orchestrator.recorder.reading import NotARecording, header_of, read

HEADER = records.Header(now=0.5, product="0", session_id="5e551011", started_wall=1e9, state=State(voice="anna"))
END = records.End(now=9.0, reason="over")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recording.jsonl"


def test_what_was_written_is_read(file: Path) -> None:
    written: list[records.Record] = [
        HEADER,
        records.Session(now=0.5, session={"voice": "anna"}),
        records.Audio(now=1.0, reply_id="reply_1", start=0, pcm=bytes(range(250))),
        records.Warned(now=2.0, reason="TTS_FAILED", message="Oh."),
        END,
    ]
    file.write_bytes(b"".join(map(records.encoded, written)))
    assert [line for _, line in read(file)] == written
    assert [number for number, _ in read(file)] == [1, 2, 3, 4, 5]
    assert header_of(file) == HEADER


@pytest.mark.parametrize("kept", [0, 1, 20])
def test_a_last_line_that_was_cut_is_left_out(file: Path, kept: int) -> None:
    file.write_bytes(records.encoded(HEADER) + records.encoded(END)[:kept])
    assert [line for _, line in read(file)] == [HEADER]


@pytest.mark.parametrize(
    "first",
    [b"", b"\n", b"{}\n", b"[1]\n", b"RIFF\xff\xfe", b'{"timestamp_wall": 1.0}\n', records.encoded(END)],
    ids=repr,
)
def test_another_file_is_refused_by_name(file: Path, first: bytes) -> None:
    file.write_bytes(first)
    with pytest.raises(NotARecording, match=r"recording\.jsonl is no recording of Parley's: expected a first line"):
        list(read(file))


def test_a_newer_format_is_refused(file: Path) -> None:
    file.write_bytes(records.encoded(HEADER).replace(b'"version":7', b'"version":8'))
    with pytest.raises(NotARecording, match="a newer Parley: format 8, expected at most 7"):
        header_of(file)


def test_a_header_that_is_damaged_is_told(file: Path) -> None:
    file.write_bytes(records.encoded(HEADER).replace(b'"session_id"', b'"sassion_id"'))
    with pytest.raises(NotARecording, match=r"line 1, is no line of a recording: .*session_id"):
        header_of(file)


@pytest.mark.parametrize("damaged", [b"nothing\n", b'{"line":"debug","now":1}\n', b'{"line":"end"}\n', b"\xff\n"])
def test_a_damaged_line_is_told_by_its_number(file: Path, damaged: bytes) -> None:
    file.write_bytes(records.encoded(HEADER) + damaged + records.encoded(END))
    with pytest.raises(NotARecording, match="line 2, is no line of a recording"):
        list(read(file))


def test_a_step_that_is_none_is_told_by_its_number(file: Path) -> None:
    file.write_bytes(records.encoded(HEADER) + b'{"line":"step","now":1,"event":{"type":"Sneezed"}}\n')
    with pytest.raises(NotARecording, match="line 2, is no line of a recording: no type 'Sneezed'"):
        list(read(file))
