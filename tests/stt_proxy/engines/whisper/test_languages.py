import pytest

from stt_proxy.engines.whisper.languages import CODES, tag_known


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("", ""),
        ("en", "en"),
        ("en-GB", "en"),
        ("DE-ch", "de"),
        ("zh-Hant-TW", "zh"),
        ("pt_BR", "pt"),
        ("nb-NO", "no"),
        ("fil", "tl"),
        ("jv", "jw"),
        ("tlh", None),
        ("english", None),
    ],
)
def test_tags(tag: str, code: str | None) -> None:
    assert tag_known(tag) == code


def test_a_model_of_english_knows_no_other() -> None:
    assert tag_known("en-US", multilingual=False) == "en"
    assert tag_known("", multilingual=False) == ""
    assert tag_known("fr", multilingual=False) is None


def test_there_are_a_hundred_less_one() -> None:
    assert len(CODES) == 99
