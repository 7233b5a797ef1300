import pytest

from responder.reflection import reflect


@pytest.mark.parametrize(
    ("said", "said_back"),
    [
        ("my dog is small", "your dog is small"),
        ("i am tired", "you are tired"),
        ("i'm here with my mother", "you are here with your mother"),
        ("i was late", "you were late"),
        ("i've seen it", "you have seen it"),
        ("you are kind", "I am kind"),
        ("you gave me your book", "I gave you my book"),
        ("i gave you mine", "you gave me yours"),
        ("they talk about you all day", "they talk about me all day"),
        ("we like our house", "you like your house"),
        ("are you sure", "am I sure"),
        ("i myself", "you yourself"),
        ("the house is yours", "the house is mine"),
        ("it rains", "it rains"),
        ("amy met him", "amy met him"),
    ],
)
def test_persons_are_turned_around(said: str, said_back: str) -> None:
    assert reflect(said) == said_back
