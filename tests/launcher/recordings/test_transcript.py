"""What a person reads of a recording."""

from pathlib import Path

import pytest

from launcher.recordings.transcript import transcript
from orchestrator.conversation import events as ev
from orchestrator.recorder import records
from tests.launcher.recordings.script import Script, interrupted_conversation

HEADING = "Session 5e551011, 2026-09-21 14:13:20 UTC, recorded by Parley 1.2.3"


def text(script: Script, folder: Path) -> list[str]:
    return [*transcript(script.save(folder / "recording.jsonl"))]


def test_who_said_what_and_when(tmp_path: Path) -> None:
    assert text(interrupted_conversation(), tmp_path) == [
        HEADING,
        "",
        "  0:00.4  parley: Hello there.",
        "  0:01.4          [silence of 4.6 s]",
        "  0:06.0     you: What is new?",
        "  0:07.5  parley: Nothing much [interrupted] (not heard: at all.)",
        "  0:08.6     you: Stop!",
        "  0:09.5  parley: Sorry.",
        "  0:10.0          [nobody spoke for 7.7 s]",
        "  0:20.0  parley: Bye!",
        "",
        "The session ended here.",
    ]


def test_a_typed_turn_and_a_reply_that_failed(tmp_path: Path) -> None:
    script = Script()
    script.happens(1.0, ev.UserTyped("Hi!"))
    script.warns(1.5, "I have lost my voice.")
    script.happens(1.5, ev.ReplyAudioFailed("reply_1", lasting=True))
    script.ends(2.0)
    assert text(script, tmp_path)[2:-2] == [
        "  0:01.0     you: Hi! [typed]",
        "  0:01.0  parley: [failed]",
        "  0:01.5          [warning: I have lost my voice.]",
    ]


def test_replies_that_are_only_written(tmp_path: Path) -> None:
    script = Script(spoken=False)
    script.happens(61.0, ev.UserTyped("Hi!"))
    script.happens(62.0, ev.ReplyTextArrived("reply_1", "Hello"), ev.ReplyTextCompleted("reply_1"))
    script.ends(63.0)
    assert text(script, tmp_path)[2:-2] == ["  1:01.0     you: Hi! [typed]", "  1:01.0  parley: Hello"]


def test_noise_is_no_turn(tmp_path: Path) -> None:
    script = Script()
    script.hears(1.0)
    script.ends(9.0)
    assert text(script, tmp_path)[2:-2] == []


def test_a_reply_that_was_cut_off(tmp_path: Path) -> None:
    script = Script()
    script.happens(1.0, ev.UserTyped("Hi!"))
    script.answers(1.5, "Well,", "now.")
    assert text(script, tmp_path)[2:] == [
        "  0:01.0     you: Hi! [typed]",
        "  0:01.5  parley: Well, [cut off] (not heard: now.)",
        "",
        "The recording breaks off: its process was killed, or is still writing it.",
    ]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("over", "The session ended here."), ("full", "it has the size that"), ("behind", "the disk was too slow")],
)
def test_how_it_ends(tmp_path: Path, reason: records.EndReason, said: str) -> None:
    script = Script()
    script.ends(1.0, reason)
    assert said in text(script, tmp_path)[-1]


def test_it_begins_with_which_session_it_is(tmp_path: Path) -> None:
    assert text(Script(), tmp_path)[0] == HEADING
