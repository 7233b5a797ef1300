import pytest

from mesh.errors import VoiceNotFound
from tts_proxy.engines.espeak.library import Prosody, library
from tts_proxy.engines.espeak.voices import Voices


@pytest.fixture(scope="module")
def voices() -> Voices:
    return Voices(library(), "en-gb-x-rp")


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("en-us", "gmw/en-US"),
        ("EN-US", "gmw/en-US"),
        ("en-us+f3", "gmw/en-US+f3"),
        ("en-gb", "gmw/en"),
        ("en", "gmw/en"),
        ("en-gb-x-rp+m3", "gmw/en-GB-x-rp+m3"),
        ("fr-fr+f2", "roa/fr+f2"),
        ("fr", "roa/fr"),
        ("en-us+Mr serious", "gmw/en-US+Mr serious"),
        ("", "gmw/en-GB-x-rp"),
    ],
)
def test_names_are_languages_and_variants(voices: Voices, name: str, identifier: str) -> None:
    assert voices.identifier(name) == identifier
    assert len(library().speak("Hello.", Prosody(identifier), lambda: False).samples) > 5_000


@pytest.mark.parametrize(
    "name",
    ["xx", "en-us+", "en-us+nobody", "en-us+F3", "+f3", "en-us+f3+m1", "gmw/en-US", "../../voices", " ", "en-us+../f3"],
)
def test_unknown_names_are_refused(voices: Voices, name: str) -> None:
    with pytest.raises(VoiceNotFound, match="there is no voice"):
        voices.identifier(name)


def test_the_default_must_exist() -> None:
    with pytest.raises(VoiceNotFound):
        Voices(library(), "en-us+nobody")
