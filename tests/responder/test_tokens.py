import pytest

from responder.tokens import tokens


@pytest.mark.parametrize(
    "text", ["", "Hello! How are you?", " it's a quarter past three ", "conversations...", "Et vous ?"]
)
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_a_space_goes_with_the_word_after_it_and_long_words_are_split() -> None:
    assert tokens("It is a conversation.") == ["It", " is", " a", " conver", "sation", "."]
