import numpy as np
import pytest

from launcher.calling.call_runner import CallProgress
from launcher.calling.transport import (
    Event,
    Notice,
    ReplyAudio,
    ReplyEnded,
    ReplyStarted,
    ReplyWord,
    UserSpeechStarted,
    UserTurnDiscarded,
    UserWord,
)

SPEECH = UserSpeechStarted()
WORD = UserWord("hello")
NO_WORDS = UserTurnDiscarded()
START = ReplyStarted()
END = ReplyEnded(complete=True)
CUT = ReplyEnded(complete=False)
PLAYED_OUT = None


@pytest.mark.parametrize(
    ("turns", "story", "over"),
    [
        (1, [], False),
        (1, [PLAYED_OUT], False),
        (1, [SPEECH, WORD, PLAYED_OUT, START], False),
        (1, [SPEECH, WORD, PLAYED_OUT, START, END], True),
        (1, [SPEECH, WORD, START, END, PLAYED_OUT], True),
        (1, [SPEECH, WORD, START, END], False),
        # What follows a pause in the question cuts the first answer short, and is answered itself.
        (1, [SPEECH, WORD, START, WORD, CUT, PLAYED_OUT], False),
        (1, [SPEECH, WORD, START, CUT, WORD, PLAYED_OUT, START, END], True),
        (1, [SPEECH, WORD, START, END, SPEECH, WORD, PLAYED_OUT], False),
        (1, [SPEECH, WORD, START, END, SPEECH, WORD, PLAYED_OUT, START, END], True),
        (1, [SPEECH, WORD, START, END, SPEECH, NO_WORDS, PLAYED_OUT], True),
        # A word that was recognised late belongs to the reply that is already on its way.
        (1, [SPEECH, WORD, PLAYED_OUT, START, WORD, END], True),
        # A greeting nobody asked for is a reply like others.
        (1, [START, END, PLAYED_OUT], True),
        (2, [PLAYED_OUT, START, END], False),
        (2, [PLAYED_OUT, START, END, START, END], True),
        (1, [PLAYED_OUT, START, ReplyWord("yes"), ReplyAudio(np.zeros(9, np.int16)), Notice("slow"), END], True),
    ],
)
def test_is_over_when_everything_is_answered(turns: int, story: list[Event | None], over: bool) -> None:
    progress = CallProgress(turns)
    for event in story:
        if event is None:
            progress.played_out()
        else:
            progress.apply(event)
    assert progress.over is over
