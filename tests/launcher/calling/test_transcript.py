import numpy as np
import pytest

from launcher.calling.transcript import Transcript
from launcher.calling.transport import Event, Notice, ReplyAudio, ReplyEnded, ReplyStarted, ReplyWord, UserWord


def shown(*events: Event) -> None:
    transcript = Transcript()
    for event in events:
        transcript.show(event)
    transcript.end()


def test_each_speaker_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown(
        UserWord("what"),
        UserWord("time"),
        ReplyStarted(),
        ReplyWord(" It"),
        ReplyAudio(np.zeros(9, np.int16)),
        ReplyWord("is late."),
        ReplyEnded(complete=True),
        ReplyWord("Hello?"),
    )
    assert capsys.readouterr().out == "   you: what time\nparley: It is late.\nparley: Hello?\n"


def test_a_reply_that_was_cut_short_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    shown(ReplyWord("It"), ReplyEnded(complete=False), UserWord("stop"), ReplyEnded(complete=False))
    assert capsys.readouterr().out == "parley: It \N{HORIZONTAL ELLIPSIS}\n   you: stop\n"


def test_remarks_go_to_standard_error_on_a_line_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    shown(UserWord("what"), Notice("no voice is free yet"), UserWord("time"))
    captured = capsys.readouterr()
    assert captured.out == "   you: what\n   you: time\n"
    assert captured.err == "no voice is free yet\n"
