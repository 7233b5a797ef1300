"""Every setting's name follows the rule of docs/configuration.md, and every earlier name still works."""

import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from launcher.configuration.inventory import Entry, inventory, unknown_variables
from launcher.processes import PROCESSES
from mesh.settings import Settings, load, read
from mesh.settings.renamed import RENAMED

ROOT = Path(__file__).parents[3]
SUBJECTS = {
    "edge": "EDGE",
    "orchestrator": "ORCHESTRATOR",
    "stt-proxy": "STT",
    "tts-proxy": "TTS",
    "voice-service": "VOICES",
    "responder": "RESPONDER",
}
TOPICS = ("MESH", "LLM", "NEWS", "CHARACTERS", "RECORDINGS", "MODELS", "MOSHI", "LOG")
OF_OTHERS = ("KYUTAI_", "NEWSAPI_", "HF_")

NAMES = {each.setting.env[0]: each for each in inventory({})}


def the_only(entry: Entry) -> str | None:
    """The engine that alone reads a setting."""
    readers = {engine for process in PROCESSES for engine, name in read_by(process) if name == entry.setting.env[0]}
    return readers.pop() if len(readers) == 1 else None


def read_by(process: object) -> list[tuple[str | None, str]]:
    from launcher.processes import Process  # noqa: PLC0415 - only for its type

    assert isinstance(process, Process)
    own = [(None, name) for each in read(process.settings_type, {}) for name in each.setting.env[:1]]
    engines = process.engines.readings({}) if process.engines else {}
    return own + [(engine, each.setting.env[0]) for engine, found in engines.items() for each in found]


@pytest.mark.parametrize("name", NAMES)
def test_it_begins_with_its_subject(name: str) -> None:
    match = re.fullmatch(r"PARLEY_([A-Z]+)_([A-Z0-9]+_)*[A-Z0-9]+", name)
    assert match
    assert match[1] in (*SUBJECTS.values(), *TOPICS)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_of_one_engine_names_it(name: str) -> None:
    engine = the_only(NAMES[name])
    if engine and name.split("_")[1] not in TOPICS:
        assert name.split("_")[2] == engine.upper()


@pytest.mark.parametrize("name", NAMES)
def test_other_names_are_those_of_others(name: str) -> None:
    assert all(each.startswith(OF_OTHERS) for each in NAMES[name].setting.env[1:])


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        (r"^Seconds", ("_S",)),
        (r"\bin MiB\b", ("_MIB",)),
        (r"\bin Hz\b", ("_HZ",)),
        (r"words per minute", ("_WPM",)),
        (r"^(Folder|The folder)\b", ("_FOLDER",)),
        (r"\bfile that|, a YAML file", ("_FILE",)),
        (r"^URLs\b", ("_URLS",)),
        (r"^URL\b", ("_URL",)),
        (r"^Address of\b", ("_TARGET",)),
        (r"\b[Pp]ort (to|for)\b", ("_PORT",)),
        (r"^API key\b", ("_API_KEY",)),
        (r"^API keys\b", ("_API_KEYS",)),
    ],
)
def test_the_end_says_what_it_is(told: str, ends: tuple[str, ...]) -> None:
    found = {name for name, entry in NAMES.items() if re.search(told, entry.setting.help)}
    assert found
    assert {name for name in found if not name.endswith(ends)} == set()
    if ends[0] not in ("_FILE", "_PORT"):
        assert {name for name in NAMES if name.endswith(ends)} == found


def test_there_is_one_word_for_each_thing() -> None:
    strange = {"DIR", "DIRECTORY", "PATH", "TIMEOUT", "SECONDS", "SEC", "MS", "MB", "HOSTNAME", "ADDR"}
    assert {name for name in NAMES if strange & set(name.split("_"))} == set()


def settings_with(name: str) -> list[type[Settings]]:
    types: list[type[Settings]] = []
    for process in PROCESSES:
        types.append(process.settings_type)
        types += [each.settings_type for each in process.engines.plugins.values()] if process.engines else []
    return [each for each in types if any(name in reading.setting.env for reading in read(each, {}))]


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_earlier_name_works_and_says_so(old: str, new: str) -> None:
    assert new in NAMES
    assert old not in NAMES
    value = example(NAMES[new])
    for settings_type in settings_with(new):
        (reading,) = [each for each in read(settings_type, {old: value}) if new in each.setting.env]
        (expected,) = [each for each in read(settings_type, {new: value}) if new in each.setting.env]
        assert (reading.value, reading.fault) == (expected.value, None)
        assert reading.renamed == f"{old} is now called {new}; the old name still works"
        assert expected.renamed is None
        both = load(settings_type, {old: "nonsense", new: value})
        assert getattr(both, reading.setting.name) == expected.value
    assert unknown_variables({old: value}) == []


def example(entry: Entry) -> str:
    """A value that the setting accepts, other than its default."""
    default = entry.setting.default
    for each in ("abc", "3", "0.35", "9000", "90", "http://127.0.0.1:9", "127.0.0.1:9", "redis://127.0.0.1:9"):
        (process,) = settings_with(entry.setting.env[0])[:1]
        (reading,) = [
            one for one in read(process, {entry.setting.env[0]: each}) if one.setting.env == entry.setting.env
        ]
        if not reading.fault and reading.value != default:
            return each
    raise AssertionError(entry.setting.expected)


@pytest.mark.parametrize("name", [each for entry in NAMES.values() for each in entry.setting.env[1:]])
def test_the_names_of_others_work_silently(name: str) -> None:
    entry = next(each for each in NAMES.values() if name in each.setting.env)
    value = example(entry)
    for settings_type in settings_with(name):
        (reading,) = [each for each in read(settings_type, {name: value}) if name in each.setting.env]
        assert (reading.source, reading.renamed, reading.fault) == (name, None, None)


def test_a_process_warns_in_its_log() -> None:
    variables = {"PARLEY_TTS_RATE": "170", "PARLEY_STT_TARGET": "127.0.0.1:9", "KYUTAI_TTS_URL": "", "PATH": "/usr/bin"}
    variables |= {"PARLEY_TTS_PORT": "0", "PARLEY_TTS_METRICS_PORT": "0", "PARLEY_LOG_FORMAT": "json"}
    with subprocess.Popen(
        [sys.executable, "-m", "tts_proxy"], cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        lines = []
        for line in process.stderr:
            lines.append(msgspec.json.decode(line))
            if lines[-1]["event"] in ("serving", "engine chosen"):
                break
        process.kill()
    # It does not read the other one.
    assert [each["hint"] for each in lines if each["event"] == "a setting has a new name"] == [
        "PARLEY_TTS_RATE is now called PARLEY_TTS_RATE_WPM; the old name still works"
    ]


def test_no_text_uses_an_earlier_name() -> None:
    ran = subprocess.run(
        ["git", "ls-files"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = ran.stdout.split()
    old = re.compile(rf"(?<![A-Z0-9_])({'|'.join(RENAMED)})(?![A-Z0-9_])")
    allowed = {"mesh/settings/renamed.py", str(Path(__file__).relative_to(ROOT))}
    found = {
        f"{name}: {match[0]}"
        for name in listed
        if name not in allowed and (ROOT / name).is_file()
        for match in [old.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))]
        if match
    }
    assert found == set()


def test_the_config_command_tells() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from launcher.main import main; main()", "config", "--format", "json"],
        cwd=ROOT,
        env={"PARLEY_STT_WORKERS": "3", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Note: PARLEY_STT_WORKERS is now called PARLEY_STT_POCKETSPHINX_WORKERS" in ran.stderr
    assert "is no setting" not in ran.stderr
    assert json.loads(ran.stdout)
