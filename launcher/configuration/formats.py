"""The settings for programs, for the documentation, and as the beginning of an .env file."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from launcher.configuration.inventory import SHARED, Entry
from launcher.processes import PROCESSES


def as_json(entries: Iterable[Entry]) -> str:
    """A list of objects. Values are texts, as a variable would hold them; null: none."""
    listed = [
        {
            "name": entry.setting.name,
            "variables": entry.setting.env,
            "processes": entry.processes,
            "engines": entry.engines,
            "meaning": entry.setting.help,
            "accepts": entry.setting.expected,
            "secret": entry.setting.secret,
            "default": entry.default,
            "value": entry.value,
            "source": entry.reading.source,
            "fault": entry.reading.fault,
        }
        for entry in entries
    ]
    return msgspec.json.format(msgspec.json.encode(listed)).decode()


def as_markdown(entries: Iterable[Entry]) -> str:
    """A section with a table for each process. It tells nothing of the present environment."""
    return "\n\n".join("\n".join(_section(title, list(group))) for title, group in by_title(entries))


def as_env(entries: Iterable[Entry]) -> str:
    """Every setting as a comment and a line; a line is in force where the environment sets it. Secrets stay out."""
    return "\n\n".join("\n".join(_env_lines(title, list(group))) for title, group in by_title(entries))


def by_title(entries: Iterable[Entry]) -> Iterator[tuple[str, Iterator[Entry]]]:
    """The entries under the title they are listed by."""
    return groupby(entries, key=lambda entry: entry.title)


def purpose(title: str) -> str:
    """What is under a title, as a sentence."""
    process_name, _, engines = title.partition(": ")
    process = next((each for each in PROCESSES if each.name == process_name), None)
    if process is None:
        return "Settings that all of them share."
    if not engines or process.engines is None:
        return process.purpose
    plugins = process.engines.plugins
    return " ".join(f"{name}: {plugins[name].summary}." for name in engines.split(" and "))


def _section(title: str, entries: list[Entry]) -> Iterator[str]:
    yield f"## {title.capitalize() if title == SHARED else f'`{title}`'}\n"
    yield f"{purpose(title)}\n"
    yield "| variable | meaning | accepts | default |"
    yield "|---|---|---|---|"
    for entry in entries:
        variables = " or ".join(f"`{name}`" for name in entry.setting.env)
        default = f"`{entry.default}`" if entry.default else ""
        cells = (variables, entry.setting.help + _readers(entry), entry.setting.expected, default)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _readers(entry: Entry) -> str:
    others = "" if entry.title == SHARED else ", ".join(entry.processes[1:])
    return f" (Read by {others} too.)" if others else ""


def _env_lines(title: str, entries: list[Entry]) -> Iterator[str]:
    yield f"# == {title}: {purpose(title)}"
    for entry in entries:
        also = "".join(f"; also {name}" for name in entry.setting.env if name != entry.variable)
        yield f"\n# {entry.setting.help}{_readers(entry)}\n# Accepts {entry.setting.expected}{also}."
        value = entry.value if entry.changed and not entry.setting.secret else entry.default
        in_force = entry.changed and not entry.setting.secret and entry.reading.fault is None
        yield f"{'' if in_force else '#'}{entry.variable}={value or ''}"
