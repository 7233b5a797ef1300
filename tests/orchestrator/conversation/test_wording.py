import pytest

from orchestrator.conversation.wording import Completeness, completeness, is_backchannel

COMPLETE, UNFINISHED, DICTATED = Completeness.COMPLETE, Completeness.UNFINISHED, Completeness.DICTATED

ENGLISH = [
    ("What is the capital of France?", COMPLETE),
    ("what is the capital of france", COMPLETE),
    ("Yes.", COMPLETE),
    ("I don't know.", COMPLETE),
    ("Where are you from", COMPLETE),
    ("what are you talking about", COMPLETE),
    ("Who is it for?", COMPLETE),
    ("I think so.", COMPLETE),
    ("Turn it on.", COMPLETE),
    ("I feel well", COMPLETE),
    ("That is one I like", COMPLETE),
    ("I did, actually", COMPLETE),
    ("It's vitamin C.", COMPLETE),
    ("A table for four at seven.", COMPLETE),
    ("I am twenty five years old", COMPLETE),
    ("Stop!", COMPLETE),
    ("", COMPLETE),
    ("…", COMPLETE),
    ("I would like to", UNFINISHED),
    ("I would like to.", UNFINISHED),
    ("Could you tell me the", UNFINISHED),
    ("And then I went to the shop and", UNFINISHED),
    ("Because", UNFINISHED),
    ("Um.", UNFINISHED),
    ("Well", UNFINISHED),
    ("Like", UNFINISHED),
    ("Actually", UNFINISHED),
    ("It's five five a", UNFINISHED),
    ("It's five five I", UNFINISHED),
    ("It was late, so", UNFINISHED),
    ("When I was young,", UNFINISHED),
    ("I was thinking...", UNFINISHED),
    ("There were many animals, such as", UNFINISHED),
    ("I\u2019m", UNFINISHED),
    ("it's kind of", UNFINISHED),
    ("five", DICTATED),
    ("5", DICTATED),
    ("five five five", DICTATED),
    ("My number is five five", DICTATED),
    ("My number is 5 5", DICTATED),
    ("twenty two", DICTATED),
    ("It's spelled J O H", DICTATED),
    ("555, 12", DICTATED),
]

OTHERS = [
    ("fr", "Je voudrais un", UNFINISHED),
    ("fr", "Je ne sais pas.", COMPLETE),
    ("fr-CA", "Parce que", UNFINISHED),
    ("de", "Ich möchte gern ein", UNFINISHED),
    ("de", "Ich komme mit.", COMPLETE),
    ("de", "Mach das Licht an.", COMPLETE),
    ("es", "Quiero una", UNFINISHED),
    ("es", "No lo sé.", COMPLETE),
    ("it", "Vorrei un", UNFINISHED),
    ("pt-BR", "Eu quero um", UNFINISHED),
    ("pt", "Não sei.", COMPLETE),
    ("ja", "はい、そうです。", COMPLETE),
    ("ko", "", COMPLETE),
]


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english(text: str, expected: Completeness) -> None:
    assert completeness(text) is expected


@pytest.mark.parametrize(("language", "text", "expected"), OTHERS)
def test_other_languages(language: str, text: str, expected: Completeness) -> None:
    assert completeness(text, language) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Mhm.", True),
        ("-Mhm-", True),
        ("yeah, okay!", True),
        ("D\u2019accord\u2026", True),
        ("Yeah yeah yeah", True),
        ("Yeah yeah yeah yeah", False),
        ("Yeah but", False),
        ("but", False),
    ],
)
def test_back_channels(words: str, expected: bool) -> None:
    assert is_backchannel(words.split()) is expected
