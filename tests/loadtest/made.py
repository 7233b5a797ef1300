"""Results for tests, made by hand."""

from collections.abc import Sequence

from loadtest.results import OwnLag, ProcessFigures, Result
from loadtest.sessions import End, Mark, Outcome, SessionRecord, Turn


def turn(first_audio_s: float, outcome: Outcome = Outcome.ANSWERED, *, at_s: float = 20.0) -> Turn:
    """A turn whose answer came after so long."""
    return Turn(0, at_s, {Mark.SPEECH_STOPPED: 0.4, Mark.FIRST_AUDIO: first_audio_s}, outcome, audio_s=2.0)


def session(turns: Sequence[Turn], end: End = End.COMPLETE) -> SessionRecord:
    """A session with these turns."""
    refused = end is End.REFUSED
    return SessionRecord(
        0,
        1.0,
        admitted_after_s=None if refused else 0.03,
        refused_after_s=0.02 if refused else None,
        ended_s=50.0,
        end=end,
        reason="" if end is End.COMPLETE else "AT_CAPACITY",
        turns=list(turns),
    )


def result(records: Sequence[SessionRecord], *, users: int = 2, lag_s: float = 0.001) -> Result:
    """A result of a minute, of which the first 10 s are not measured."""
    times = [float(second) for second in range(61)]
    return Result(
        target="ws://127.0.0.1:8000/v1/realtime",
        kind="conversation",
        headline=Mark.FIRST_AUDIO,
        options={"users": users},
        users=users,
        measured_from_s=10.0,
        measured_to_s=60.0,
        records=list(records),
        lag=OwnLag(0.0005, lag_s, lag_s, lag_s, 0.05),
        live=[(second, users) for second in times],
        live_minutes=users * 50 / 60,
        processes=[
            ProcessFigures("edge", 5.0, 60.0, times, [0.1] * 61),
            ProcessFigures("<x>", 1.0, 40.0, times, [0.02] * 61),
        ],
        memory_kind="PSS",
        machine={
            "processors": 2,
            "memory_mb": 8_192,
            "processor": "a processor",
            "system": "Linux",
            "python": "3.11.7",
            "load_average": [0.5, 0.4, 0.3],
            "versions": {"parley": "0.1.0"},
        },
        started="2026-01-02T03:04:05+00:00",
    )
