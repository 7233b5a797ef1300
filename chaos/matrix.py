"""The matrix of outcomes: a row for each victim and fault, a column for each phase."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from chaos.journal import Entry
from chaos.judging import Outcome
from chaos.phases import PHASES
from chaos.strikes import Conversation, Strike


def is_green(strikes: Sequence[Strike]) -> bool:
    """Whether every promise was kept in all of them."""
    return all(not faults(strike.conversations) for strike in strikes)


def faults(conversations: Sequence[Conversation]) -> list[str]:
    """What was not kept, each once."""
    return list(dict.fromkeys(fault for each in conversations for fault in each.outcome.faults))


def cells(strikes: Sequence[Strike]) -> Iterator[tuple[str, str, dict[str, list[Conversation]]]]:
    """The rows: victim, fault, and the conversations of each phase, of all strikes alike."""
    rows: dict[tuple[str, str], dict[str, list[Conversation]]] = {}
    for strike in strikes:
        row = rows.setdefault((strike.victim.value, strike.fault.value), {})
        for conversation in strike.conversations:
            row.setdefault(conversation.phase, []).append(conversation)
    for (victim, fault), row in rows.items():
        yield victim, fault, row


def written(conversations: Sequence[Conversation]) -> str:
    """A cell: the longest silence beyond the usual, or what was not kept."""
    if not conversations:
        return ""
    if broken := faults(conversations):
        return "✗ " + "; ".join(broken)
    longest = max(each.outcome.silence_s for each in conversations)
    return f"✓ {max(0.0, longest):.1f} s"


def table(strikes: Sequence[Strike]) -> Table:
    """For a terminal."""
    phases = _phases(strikes)
    made = Table("victim", "fault", *phases)
    for victim, fault, row in cells(strikes):
        made.add_row(victim, fault, *(written(row.get(phase, [])) for phase in phases))
    return made


def markdown(strikes: Sequence[Strike]) -> str:
    """The same as a table in Markdown."""
    phases = _phases(strikes)
    lines = ["| victim | fault | " + " | ".join(phases) + " |", "|---|---|" + "---|" * len(phases)]
    for victim, fault, row in cells(strikes):
        texts = (written(row.get(phase, [])).replace("|", "/") for phase in phases)
        lines.append(f"| {victim} | {fault} | " + " | ".join(texts) + " |")
    return "\n".join([*lines, ""])


def as_json(strikes: Sequence[Strike]) -> list[dict[str, Any]]:
    """Everything, for programs: the journals too. Times count from the strike, in seconds."""
    return [
        {
            "victim": strike.victim.value,
            "fault": strike.fault.value,
            "member": strike.member,
            "usual_wait_s": round(strike.usual_wait_s, 3),
            "lag_s": round(strike.lag_s, 3),
            "conversations": [_conversation(each) for each in strike.conversations],
        }
        for strike in strikes
    ]


def _conversation(conversation: Conversation) -> dict[str, Any]:
    written_down = outcome_as_json(conversation.outcome, conversation.journal)
    return {"phase": conversation.phase, "seen": conversation.seen, **written_down}


def outcome_as_json(outcome: Outcome, journal: Sequence[Entry]) -> dict[str, Any]:
    """What became of one conversation, and all that happened in it."""
    return {
        "kept": outcome.kept,
        "faults": list(outcome.faults),
        "said": outcome.said,
        "heard": outcome.heard,
        "silence_s": round(outcome.silence_s, 2),
        "told": outcome.told,
        "lost": list(outcome.lost),
        "warnings": list(outcome.warnings),
        "answers": [" ".join(answer.words) for answer in outcome.answers],
        "journal": [{"at": round(entry.at, 3), "what": type(entry).__name__, **_fields(entry)} for entry in journal],
    }


def _fields(entry: Any) -> dict[str, Any]:
    return {name: value for name, value in entry._asdict().items() if name != "at"}


def _phases(strikes: Sequence[Strike]) -> list[str]:
    seen = {each.phase for strike in strikes for each in strike.conversations}
    return [phase for phase in PHASES if phase in seen]
