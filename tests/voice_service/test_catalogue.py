from pathlib import Path
from textwrap import dedent

import pytest

from mesh.errors import VoiceNotFound
from parley.voices.v1.voices_pb2 import CharacterHint, FileSource, FreesoundSource, Voice
from voice_service.catalogue import Catalogue, language_of, read_catalogue
from voice_service.nodes import CatalogueError

FILE = """\
- name: Watercooler
  good: true
  comment: man, UK
  instructions:
    type: smalltalk
    language: en/fr
  source:
    source_type: file
    path_on_server: shop/p329_022.wav
    description: From a data set.
    description_link: https://example.org/3038
"""
FREESOUND = """\
- name: Gertrude
  good: false
  instructions:
    type: constant
    text: Be kind.
  source:
    source_type: freesound
    url: https://freesound.org/people/tender_buttons/sounds/440565/
    start_time: 12
    sound_instance:
      id: 440565
      name: Why is there education.wav
      username: tender_buttons
      license: http://creativecommons.org/licenses/by/3.0/
    path_on_server: shop/440565.mp3
"""
PLAIN = """\
- name: Plain
  source: {source_type: file, path_on_server: plain}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "voices.yaml"


def catalogue(path: Path, text: str) -> Catalogue:
    path.write_text(text, encoding="utf-8")
    return read_catalogue(path)


def problem(path: Path, text: str) -> str:
    """What is said of a bad catalogue, from the line on."""
    with pytest.raises(CatalogueError) as caught:
        catalogue(path, dedent(text))
    message = str(caught.value)
    assert message.startswith(f"{path}:")
    return message.removeprefix(f"{path}:").strip()


def test_reads_voices_kept_as_files(path: Path) -> None:
    assert catalogue(path, FILE).find("shop/p329_022.wav") == Voice(
        voice_id="shop/p329_022.wav",
        name="Watercooler",
        character=CharacterHint(kind="smalltalk", language="en/fr"),
        file=FileSource(description="From a data set.", description_link="https://example.org/3038"),
    )


def test_reads_voices_from_freesound(path: Path) -> None:
    assert catalogue(path, FREESOUND).find("shop/440565.mp3") == Voice(
        voice_id="shop/440565.mp3",
        name="Gertrude",
        character=CharacterHint(kind="constant", text="Be kind."),
        freesound=FreesoundSource(
            url="https://freesound.org/people/tender_buttons/sounds/440565/",
            start_time_seconds=12.0,
            sound_id=440565,
            sound_name="Why is there education.wav",
            username="tender_buttons",
            license="http://creativecommons.org/licenses/by/3.0/",
        ),
    )


def test_what_is_left_out_is_absent(path: Path) -> None:
    voice = catalogue(path, PLAIN).find("plain")
    assert voice == Voice(voice_id="plain", name="Plain", file=FileSource())
    assert not voice.HasField("character")
    assert not voice.file.HasField("description")


def test_what_is_left_empty_is_left_out(path: Path) -> None:
    text = PLAIN + "  instructions:\n  comment: ~\n  good:\n"
    assert catalogue(path, text).find("plain") == Voice(voice_id="plain", name="Plain", file=FileSource())


@pytest.mark.unmute("S8")
def test_only_good_voices_are_offered_but_all_are_found(path: Path) -> None:
    made = catalogue(path, FREESOUND + FILE + PLAIN)
    assert [voice.name for voice in made.offered] == ["Watercooler"]
    assert len(made) == 3
    assert made.find("plain").name == "Plain"
    with pytest.raises(VoiceNotFound, match="no voice 'Plain'"):
        made.find("Plain")


@pytest.mark.unmute("S8")
def test_order_is_the_files(path: Path) -> None:
    good = PLAIN.replace("Plain\n", "Plain\n  good: true\n")
    made = catalogue(path, "".join(good.replace("lain", name) for name in "cab"))
    assert [voice.name for voice in made.offered] == ["Pc", "Pa", "Pb"]


@pytest.mark.unmute("S8")
def test_a_voice_may_be_shared_by_characters_and_the_first_is_found_by_it(path: Path) -> None:
    robot = FILE.replace("Watercooler", "Robot").replace("type: smalltalk", "type: butler\n    text: Be brief.")
    made = catalogue(path, FILE + PLAIN + robot)
    assert [(voice.name, voice.voice_id, voice.character.kind) for voice in made.offered] == [
        ("Watercooler", "shop/p329_022.wav", "smalltalk"),
        ("Robot", "shop/p329_022.wav", "butler"),
    ]
    assert len(made) == 3
    assert made.find("shop/p329_022.wav").name == "Watercooler"
    assert made.notes == (
        (
            f"{path}:23: voice 3 'Robot' shares its path_on_server with voice 1 'Watercooler' in line 9, "
            "which is the one that is found by it"
        ),
    )


def test_what_unmute_ignores_is_ignored_and_told(path: Path) -> None:
    text = PLAIN.replace("plain}", "plain, url: x}") + "  instructions: {type: news, mood: good, language: fr}\n"
    made = catalogue(path, text + FREESOUND.replace("      license", "      previews: {hq: x}\n      license"))
    assert made.notes == (
        f"{path}:3: voice 1 'Plain': instructions has no field 'mood', only type, language, text: ignored",
        (
            f"{path}:2: voice 1 'Plain': source has no field 'url', only engine, language, source_type, "
            "path_on_server, description, description_link: ignored"
        ),
        (
            f"{path}:17: voice 2 'Gertrude': sound_instance has no field 'previews', only id, name, username, license: "
            "ignored"
        ),
    )
    assert made.find("plain").character == CharacterHint(kind="news", language="fr")


@pytest.mark.parametrize("language", ["de", "EN", "de/en", "German"])
def test_a_language_that_characters_do_not_speak_is_told_and_left_out(path: Path, language: str) -> None:
    made = catalogue(path, f"{PLAIN}  instructions:\n    type: smalltalk\n    language: {language}\n")
    assert made.find("plain").character == CharacterHint(kind="smalltalk")
    assert made.notes == (
        f"{path}:5: voice 1 'Plain': characters speak one of en, fr, en/fr, fr/en, and not {language!r}: ignored",
    )


def test_a_sound_that_nobody_has_put_on_the_server_is_neither_offered_nor_found(path: Path) -> None:
    made = catalogue(path, "- source: {source_type: freesound, url: https://freesound.org/s/1}\n")
    assert (len(made), made.offered, made.notes) == (1, (), ())
    with pytest.raises(VoiceNotFound):
        made.find("")


def test_name_start_and_sound_may_be_left_out(path: Path) -> None:
    source = "{source_type: freesound, url: https://freesound.org/s/1, path_on_server: one}"
    (voice,) = catalogue(path, f"- good: true\n  source: {source}\n").offered
    assert voice == Voice(voice_id="one", freesound=FreesoundSource(url="https://freesound.org/s/1"))
    assert not voice.freesound.HasField("start_time_seconds")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a list, found nothing"),
        ("name: Ada", "1: expected a list, found fields"),
        ("# nothing\n\nAda", "3: expected a list, found 'Ada'"),
        ("- Ada", "1: voice 1: expected the fields of entry, found 'Ada'"),
        ("- {}", "1: voice 1: entry lacks 'source'"),
        ("- [a]: 1", "1: voice 1: expected the name of a field, found a list"),
        ("- name: Ada", "1: voice 1 'Ada': entry lacks 'source'"),
        (PLAIN + "- name: Ada", "3: voice 2 'Ada': entry lacks 'source'"),
        ("- name: ''", "1: voice 1: expected 'name' to be text, found nothing"),
        ("- name: Ada\n  name: Bob", "2: voice 1 'Ada': 'name' is there a second time"),
        ("- name: 5", "1: voice 1 '5': expected 'name' to be text, found '5'"),
        ("- name: [Ada]", "1: voice 1: expected 'name' to be text, found a list"),
        ("- name: Ada\n  good: 'yes'", "2: voice 1 'Ada': expected 'good' to be true or false, found 'yes'"),
        ("- name: A\n  good: 2026-99-99", "2: voice 1 'A': expected 'good' to be true or false, found '2026-99-99'"),
        ("- name: Ada\n  source: here", "2: voice 1 'Ada': expected the fields of source, found 'here'"),
        (
            PLAIN + "  colour: red",
            "3: voice 1 'Plain': entry has no field 'colour', only name, good, instructions, source, comment",
        ),
        (PLAIN + "- name: Ada\n  instructions: {}", "4: voice 2 'Ada': instructions lacks 'type'"),
        ("- name: Ada\n  source:\n    path_on_server: a", "3: voice 1 'Ada': source lacks 'source_type'"),
        (
            "- name: Ada\n  source:\n    source_type: custom\n",
            "3: voice 1 'Ada': expected 'source_type' to be one of file, freesound, found 'custom'",
        ),
        ("- name: Ada\n  source:\n    source_type: file", "3: voice 1 'Ada': source lacks 'path_on_server'"),
        (
            FREESOUND.replace("440565\n", "many\n"),
            "11: voice 1 'Gertrude': expected 'id' to be a whole number, found 'many'",
        ),
        (
            FREESOUND.replace("12", "soon"),
            "9: voice 1 'Gertrude': expected 'start_time' to be a number, found 'soon'",
        ),
        (
            FREESOUND.replace("      username: tender_buttons\n", ""),
            "11: voice 1 'Gertrude': sound_instance lacks 'username'",
        ),
        (FREESOUND.replace("username:", "user:"), "11: voice 1 'Gertrude': sound_instance lacks 'username'"),
        (
            FREESOUND.replace("false", "true").replace("    path_on_server: shop/440565.mp3\n", ""),
            "7: voice 1 'Gertrude': source lacks 'path_on_server'",
        ),
        ("- name: [", "1: no YAML: expected the node content, but found '<stream end>'"),
        ("- name: Ada\n\tgood: true", "2: no YAML: found character '\\t' that cannot start any token"),
        ("- *voice", "1: no YAML: found undefined alias 'voice'"),
        ("- name: a\n---\n- name: b", "2: no YAML: but found another document"),
        ('- name: "\\ud83d"', "1: voice 1 '\\ud83d': 'name' holds half of a character: '\\ud83d'"),
        ("- name: !!timestamp soon", "1: voice 1 'soon': expected 'name' to be text, found 'soon'"),
        ("- name: A\n  good: !!bool maybe", "2: voice 1 'A': expected 'good' to be true or false, found 'maybe'"),
        ("- name: A\n  good: !!int ''", "2: voice 1 'A': expected 'good' to be true or false, found nothing"),
        (
            FREESOUND.replace("id: 440565", f"id: {1 << 63}"),
            f"11: voice 1 'Gertrude': expected 'id' to be at most {(1 << 63) - 1}, found '{1 << 63}'",
        ),
        ("- name: \x00", "1: no YAML: special characters are not allowed"),
    ],
)
def test_a_bad_file_is_refused_with_entry_line_and_reason(path: Path, text: str, expected: str) -> None:
    assert problem(path, text) == expected


def test_text_that_is_not_utf8_is_refused(path: Path) -> None:
    path.write_bytes(b"- name: Ada\n- name: \xe9t\xe9\n")
    with pytest.raises(CatalogueError, match=r"voices.yaml:2: expected UTF-8"):
        read_catalogue(path)


def test_a_file_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"voices.yaml: cannot be read: No such file"):
        read_catalogue(path)


ENGINES = """\
- name: Wren
  good: true
  source: {source_type: file, path_on_server: en-us-heart, engine: hibari, language: en-US}
- name: Robin
  good: true
  source: {source_type: file, path_on_server: en-gb-emma, engine: hibari}
- name: Ada
  good: true
  source: {source_type: file, path_on_server: en-us+f3, engine: espeak}
- name: Anybody
  good: true
  instructions: {type: smalltalk, language: fr/en}
  source: {source_type: file, path_on_server: shop/any.wav}
- name: Hidden
  source: {source_type: file, path_on_server: en-us, engine: espeak}
"""


@pytest.mark.parametrize(
    ("engines", "offered"),
    [
        ({"hibari": ["en-us-heart"], "espeak": []}, ["Wren", "Ada", "Anybody"]),
        ({"hibari": ["en-us-heart", "en-gb-emma"]}, ["Wren", "Robin", "Anybody"]),
        ({"espeak": []}, ["Ada", "Anybody"]),
        ({"moshi": []}, ["Anybody"]),
        ({}, ["Anybody"]),
    ],
)
def test_a_voice_is_offered_with_its_engine(tmp_path: Path, engines: dict[str, list[str]], offered: list[str]) -> None:
    path = tmp_path / "voices.yaml"
    path.write_text(ENGINES)
    catalogue = read_catalogue(path)
    assert catalogue.names_engines
    assert [voice.name for voice in catalogue.offered_with(engines)] == offered
    assert catalogue.find("en-us").name == "Hidden"


def test_a_voice_speaks_its_own_language_or_its_characters_first_one(tmp_path: Path) -> None:
    path = tmp_path / "voices.yaml"
    path.write_text(ENGINES)
    wren, robin, _, anybody = read_catalogue(path).offered
    assert [language_of(voice) for voice in (wren, robin, anybody)] == ["en-US", "en", "fr"]
    assert not robin.HasField("language")


def test_a_language_is_a_tag(tmp_path: Path) -> None:
    path = tmp_path / "voices.yaml"
    path.write_text(ENGINES.replace("language: en-US", "language: English (US)"))
    with pytest.raises(CatalogueError, match=r"voices.yaml:3: voice 1 'Wren': expected 'language' to be a BCP 47 tag"):
        read_catalogue(path)
