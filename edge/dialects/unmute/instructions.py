"""The characters that Unmute's clients can ask for, by schema."""

from typing import Literal, TypeAlias

import msgspec

from parley.conversation.v1 import conversation_pb2 as conversation

Language: TypeAlias = Literal["en", "fr", "en/fr", "fr/en"] | None
"""What the character speaks. None means English."""

DEFAULT_TEXT = (
    "Keep the conversation going back and forth, and ask questions of your own. Be warm but never servile: "
    "have opinions, and disagree, kindly, where you do. Be curious about the person you are talking with."
)
"""What a `constant` character is when the client does not say."""


class Constant(msgspec.Struct, frozen=True, tag="constant"):
    """A fixed text."""

    text: str = DEFAULT_TEXT
    language: Language = None


class Smalltalk(msgspec.Struct, frozen=True, tag="smalltalk"):
    """Light conversation."""

    language: Language = None


class GuessAnimal(msgspec.Struct, frozen=True, tag="guess_animal"):
    """A guessing game."""

    language: Language = None


class QuizShow(msgspec.Struct, frozen=True, tag="quiz_show"):
    """A quiz with its host."""

    language: Language = None


class News(msgspec.Struct, frozen=True, tag="news"):
    """Talk about the headlines."""

    language: Language = None


class UnmuteExplanation(msgspec.Struct, frozen=True, tag="unmute_explanation"):
    """Explains the system, in English."""


Instructions: TypeAlias = Constant | Smalltalk | GuessAnimal | QuizShow | News | UnmuteExplanation


def character(instructions: Instructions) -> conversation.Character:
    """The character as `Converse` names it. The service refuses a kind that it does not know."""
    kind = instructions.__struct_config__.tag
    fields = {name: value for name, value in msgspec.structs.asdict(instructions).items() if value is not None}
    return conversation.Character(kind=str(kind), **fields)


def from_catalogue(kind: str, language: str | None, text: str | None) -> Instructions | None:
    """The instructions that a catalogue's hint stands for; None when clients of this dialect do not know its kind."""
    given = {"type": kind, "language": language, "text": text}
    try:
        known: Instructions = msgspec.convert(
            {name: value for name, value in given.items() if value is not None}, Instructions
        )
    except msgspec.ValidationError:
        return None
    return known
