"""The system prompt: a character, put into what the house asks of every spoken conversation."""

import random
from datetime import datetime

from mesh.errors import InvalidRequest
from orchestrator.conversation.policy import SILENCE_MARK
from parley.conversation.v1.conversation_pb2 import Character, Instructions

_HOUSE = """\
You are in a spoken conversation. The person's words reach you through a speech recogniser and yours reach them through
a synthetic voice.

How to speak: as people talk, in one to three short sentences. No lists, no markdown, no emoji, no stage directions.
Write numbers, dates and abbreviations as they are said. Ask at most one question at a time, and not in every turn.

How to listen: the recogniser makes mistakes. Where a word seems odd, think of one that sounds alike; if the meaning is
still unclear, ask briefly. "{silence}" stands for a long silence of the person's: take up the conversation, lightly.
After the third silence in a row say goodbye.

To end the conversation, when the person wants to or has fallen silent, finish with the word "Bye!".

{language}

You are the language model {model}, speaking through Parley. Speak of that only when asked.

Your character: {character}
"""

_LANGUAGES = {
    "en": "Speak English. If the person asks for another language, say kindly that you speak English only.",
    "fr": "Speak French. If the person asks for another language, say kindly, in French, that you speak French only.",
    "en/fr": "Speak English, or French when the person does. Begin in English.",
    "fr/en": "Speak French, or English when the person does. Begin in French.",
}

_DEFAULT_CHARACTER = "a warm, attentive companion with a dry sense of humour and a liking for plain words."

_SMALLTALK = """\
somebody to chat with about nothing in particular: curious, cheerful, never pushy. It is {now}. Open the conversation
with something like this, in your own words: "{starter}"
"""

_STARTERS = (
    "What was the best thing you ate this week?",
    "Is there a sound that takes you straight back to your childhood?",
    "If you had this afternoon free, how would you spend it?",
    "Which small thing made you smile lately?",
    "Is there a word you like just for how it sounds?",
    "What would you learn if it took a single day?",
    "Do you have a place where you think best?",
    "Which season suits you most?",
)


def render(instructions: Instructions, *, model: str, now: datetime) -> str:
    """Return the system prompt for `instructions`; what is random in it is drawn here, once.

    `model` is the language model's name as its server gives it. Raises `InvalidRequest` for a character or a language
    that does not exist.
    """
    if instructions.WhichOneof("instructions") == "prompt":
        return instructions.prompt
    character = instructions.character
    language = character.language if character.HasField("language") else "en"
    if language not in _LANGUAGES:
        raise InvalidRequest(
            f"no language {language!r}: expected one of {', '.join(_LANGUAGES)}", field="config.session.instructions"
        )
    return _HOUSE.format(
        silence=SILENCE_MARK,
        language=_LANGUAGES[language],
        model=_readable(model),
        character=_character(character, now),
    )


def _character(character: Character, now: datetime) -> str:
    match character.kind:
        case "constant":
            return character.text if character.HasField("text") else _DEFAULT_CHARACTER
        case "smalltalk":
            starter = random.choice(_STARTERS)  # noqa: S311 - variety, not secrecy
            return _SMALLTALK.format(now=f"{now:%A, %d %B %Y, %H:%M} {now.tzname() or ''}".strip(), starter=starter)
        case unknown:
            raise InvalidRequest(
                f"no character {unknown!r}: expected constant or smalltalk", field="config.session.instructions"
            )


def _readable(model: str) -> str:
    """Return a model's name as one would say it: "acme/small-talk_7b" → "small talk 7b"."""
    return model.rpartition("/")[2].replace("-", " ").replace("_", " ")
