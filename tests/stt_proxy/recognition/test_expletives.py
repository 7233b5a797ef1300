import pytest

from stt_proxy.recognition.expletives import is_expletive, masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("what the fuck out the golem", "what the f*** out the golem"),
        ("Fucking", "F******"),
        ("Shit!", "S***!"),
        ("“bullshit,”", "“b*******,”"),
        ("Scheiße", "S******"),
        ("SCHEISSE", "S*******"),
        ("Putain, merde.", "P*****, m****."),
        ("mierda", "m*****"),
        ("vaffanculo", "v*********"),
        ("foda-se", "f******"),
        ("blijf, godverdomme", "blijf, g**********"),
        ("kurwa", "k****"),
        ("пиздец", "п*****"),
        ("", ""),
    ],
)
def test_only_the_first_letter_is_shown(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "word",
    [
        *("Scunthorpe", "assassin", "class", "cockpit", "Dick", "shiitake", "fickle", "hello", "Essex", "therapist"),
        # Danish, Swedish, Croatian, Norwegian, Japanese, Chinese.
        *("slut", "fick", "puta", "pute", "くそ", "操作", "l'été", "21"),
    ],
)
def test_what_only_looks_like_one_is_heard(word: str) -> None:
    assert not is_expletive(word)
    assert masked(word) == word
