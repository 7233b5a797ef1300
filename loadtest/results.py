"""What a test has shown: the records of its sessions, and the figures that are made of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from loadtest.sessions import End, Mark, Outcome, SessionRecord, Turn
from loadtest.statistics import Spread, spread

VERSION = 1
"""Of the JSON form."""

SPOILED_P99_S = 0.02
SPOILED_MAX_S = 0.5
"""The load side's own lag from which on its figures say more of itself than of the mesh."""


@dataclass(slots=True)
class OwnLag:
    """How late the load side itself was, in seconds."""

    p50_s: float
    p99_s: float
    max_s: float
    frames_p99_s: float
    """Of microphone frames."""
    cpu_share: float
    """Of one processor that it used."""

    @property
    def spoils(self) -> bool:
        """Whether the figures cannot be trusted."""
        return max(self.p99_s, self.frames_p99_s) > SPOILED_P99_S or self.max_s > SPOILED_MAX_S


@dataclass(slots=True)
class ProcessFigures:
    """What one process used, within the measured time."""

    name: str
    cpu_s: float
    memory_mb: float
    """At its highest."""
    times: list[float] = field(default_factory=list)
    cpu_shares: list[float] = field(default_factory=list)
    """Of one processor, between the samples; for plots."""


@dataclass(slots=True)
class Result:
    """One run against one target, with so many users."""

    target: str
    kind: str
    """"conversation", "transcribe" or "synthesize"."""
    headline: Mark
    """The moment that is waited for most."""
    options: Mapping[str, Any]
    users: int
    measured_from_s: float
    measured_to_s: float
    """The figures are of this part of the test: all users are there."""
    records: list[SessionRecord]
    lag: OwnLag
    live: list[tuple[float, int]]
    """How many sessions were admitted, by time."""
    live_minutes: float
    """The time that all sessions together were live, within the measured part."""
    processes: list[ProcessFigures]
    memory_kind: str
    machine: Mapping[str, Any]
    started: str
    """The date and time of its beginning, with the zone."""

    def all_turns(self) -> list[Turn]:
        """The turns that have an outcome."""
        return [turn for record in self.records for turn in record.turns if turn.outcome is not None]

    def turns(self) -> list[Turn]:
        """Those of them that began in the measured part."""
        return [turn for turn in self.all_turns() if self.measured_from_s <= turn.at_s <= self.measured_to_s]

    def marks(self) -> dict[Mark, Spread]:
        """How long after the end of speech each moment came."""
        turns = self.turns()
        found = {mark: spread([turn.marks[mark] for turn in turns if mark in turn.marks]) for mark in Mark}
        return {mark: each for mark, each in found.items() if each is not None}

    def outcomes(self) -> dict[Outcome, int]:
        """How many turns ended how."""
        counted = Counter(turn.outcome for turn in self.turns())
        return {outcome: counted[outcome] for outcome in Outcome if counted[outcome]}

    def refusals(self) -> dict[str, int]:
        """How many sessions were refused, by reason, the most frequent first."""
        return _by_reason(self.records, End.REFUSED)

    def losses(self) -> dict[str, int]:
        """How many sessions broke off, by reason."""
        return _by_reason(self.records, End.LOST)

    def refused_after(self) -> Spread | None:
        """How long refusals took."""
        return spread([each.refused_after_s for each in self.records if each.refused_after_s is not None])

    def admitted_after(self) -> Spread | None:
        """How long admissions took."""
        return spread([each.admitted_after_s for each in self.records if each.admitted_after_s is not None])

    def stopped_after(self) -> Spread | None:
        """How soon replies stopped that users spoke over."""
        return spread([turn.stopped_after_s for turn in self.turns() if turn.stopped_after_s is not None])

    def warnings(self) -> dict[str, int]:
        """What the mesh warned of, and how often."""
        return dict(Counter(each for record in self.records for each in record.warnings).most_common())

    def cpu_per_session_minute(self) -> dict[str, float]:
        """CPU seconds of each process for a minute of one session."""
        if not self.live_minutes:
            return {}
        return {each.name: each.cpu_s / self.live_minutes for each in self.processes}

    def summary(self) -> dict[str, Any]:
        """The figures, for JSON."""
        turns = self.turns()
        audio_s = sum(turn.audio_s for turn in turns)
        per_minute = self.cpu_per_session_minute()
        return {
            "users": self.users,
            "headline": self.headline,
            "spoiled": self.lag.spoils,
            "turns": len(turns),
            "outcomes": {str(each): count for each, count in self.outcomes().items()},
            "marks_s": {str(mark): asdict(each) for mark, each in self.marks().items()},
            "underruns": sum(turn.underruns for turn in turns),
            "underrun_s": sum(turn.underrun_s for turn in turns),
            "audio_s": audio_s,
            "late_audio": sum(turn.late_audio for turn in turns),
            "stopped_after_s": _dict(self.stopped_after()),
            "sessions": len(self.records),
            "refused": self.refusals(),
            "refused_after_s": _dict(self.refused_after()),
            "refused_before_upgrade": sum(each.before_upgrade for each in self.records),
            "admitted_after_s": _dict(self.admitted_after()),
            "lost": self.losses(),
            "warnings": self.warnings(),
            "live_minutes": self.live_minutes,
            "cpu_s_per_session_minute": per_minute | ({"all": sum(per_minute.values())} if per_minute else {}),
            "memory_mb": {each.name: each.memory_mb for each in self.processes},
            "memory_kind": self.memory_kind,
            "own_lag": {
                "p50_s": self.lag.p50_s,
                "p99_s": self.lag.p99_s,
                "max_s": self.lag.max_s,
                "frames_p99_s": self.lag.frames_p99_s,
                "cpu_share": self.lag.cpu_share,
            },
        }

    def to_json(self) -> dict[str, Any]:
        """The figures and, for other programs, every turn."""
        return {
            "version": VERSION,
            "target": self.target,
            "kind": self.kind,
            "started": self.started,
            "options": dict(self.options),
            "machine": dict(self.machine),
            "measured_s": [self.measured_from_s, self.measured_to_s],
            "summary": self.summary(),
            "turns": [
                {
                    "session": turn.session,
                    "at_s": round(turn.at_s, 4),
                    "outcome": turn.outcome,
                    "audio_s": round(turn.audio_s, 3),
                    "underrun_s": round(turn.underrun_s, 4),
                    **{str(mark): round(at, 4) for mark, at in turn.marks.items()},
                }
                for turn in self.turns()
            ],
        }


def _by_reason(records: Iterable[SessionRecord], end: End) -> dict[str, int]:
    return dict(Counter(record.reason for record in records if record.end is end).most_common())


def _dict(found: Spread | None) -> dict[str, float] | None:
    return asdict(found) if found else None
