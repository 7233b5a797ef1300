"""What the words of a turn say about the turn: whether it is finished, and whether it is one at all.

A pause alone does not end a turn: people stop to think after "I would like to", and between the digits of a number.
These rules read the words of the turn. They are lists, not grammar: each word in them is one that a sentence hardly
ever ends with in its language. A turn that reads as unfinished only waits longer, so a wrong answer costs a moment.

Somebody who says "mhm" while a reply is spoken acknowledges it, and does not want the floor (Yngve's back-channel).
"""

import enum
import re


class Completeness(enum.Enum):
    """How the words of a turn end."""

    COMPLETE = "complete"
    UNFINISHED = "unfinished"
    """They lead on to something: a conjunction, an article, a preposition, a filler, an open clause."""
    DICTATED = "dictated"
    """They are digits or letters that are being read out; more may follow."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LEADS_ON: dict[str, frozenset[str]] = {
    "en": _set(
        "a an the my your our their its every and or but because although though unless until whether if "
        "when while than of to for with from at by about into onto between during against without towards "
        "toward i i'm you're we're they're he's she's let's there's what's who's where's gonna wanna um "
        "uh er erm uhm like well basically actually"
    ),
    "fr": _set(
        "un une des le la les du de d l mon ma mes ton ta tes son sa ses notre votre leur leurs et ou "
        "mais car donc parce que qui quand si comme pour avec sans dans sur chez entre vers par à au aux "
        "je j tu il elle nous vous euh ben heu bah"
    ),
    "de": _set(
        "ein eine einen einem einer eines der das den dem des mein meine meinen dein deine sein seine "
        "ihre unser und oder aber weil dass wenn ob als damit obwohl denn von für bei nach ohne durch "
        "gegen zwischen ich wir äh ähm öh hm also"
    ),
    "es": _set(
        "un una unos unas el la los las mi tu su mis tus sus nuestro y e o pero porque aunque si cuando "
        "que de del a al en con sin por para entre sobre desde hasta yo eh este pues"
    ),
    "it": _set(
        "un uno una il lo la i gli le mio mia tuo tua suo sua e o ma perché se quando che di del della a "
        "al alla da dal in con su per tra fra io ehm cioè"
    ),
    "pt": _set(
        "um uma uns umas o a os as meu minha seu sua e ou mas porque embora se quando que de do da dos "
        "das em no na com sem por para entre sobre eu hum então"
    ),
}
"""Words that a sentence hardly ever ends with, by language."""

_ENGLISH = "en"

_STRANDED = _set("of to for with from at by into about like")
"""Prepositions that do end an English question: "Where are you from"."""

_QUESTION = _set("what who whom whose where which how when why what's who's where's")

_FILLERS = ("you know", "i mean", "let me see", "let me think", "kind of", "sort of", "such as", "as well as")

_AFFIRMED = ("i think", "i hope", "i guess", "i suppose", "i believe", "not")
"""What makes of a final "so" an answer: "I think so"."""

_SINGLE_DIGITS = _set(
    "zero oh one two three four five six seven eight nine zéro un deux trois quatre cinq sept huit "
    "neuf null eins zwei drei vier fünf sechs sieben acht neun cero uno dos tres cuatro cinco siete "
    "ocho nueve"
)
_TENS = _set(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty "
    "forty fifty sixty seventy eighty ninety hundred double triple"
)

_APOSTROPHE = "\u2019"
_WORD = re.compile(rf"[^\W_]+(?:['{_APOSTROPHE}][^\W_]+)*")
_QUOTES = r"[\"'\u201d\u2019)\]]*$"
_OPEN_END = re.compile(r"(?:[-,;:\u2013\u2014\u2026]|\.\.\.)" + _QUOTES)
_CLOSED_END = re.compile(r"[?!\uff1f\uff01]" + _QUOTES)


_BACKCHANNELS = _set(
    "yeah yes yep yup uh-huh uh huh mhm mm mmm hmm hm ok okay right sure oh ah aha wow really i see great cool nice "
    "oui ouais d'accord ah bon ja genau stimmt ach so aha sí ya claro vale sì certo va bene sim certo tá bom"
)
_MOST_BACKCHANNEL_WORDS = 3


def is_backchannel(words: list[str]) -> bool:
    """Return whether words, as they were recognised, only acknowledge what is being said: "mhm", "yeah, okay"."""
    said = [word.replace(_APOSTROPHE, "'").strip(".,!-\u2026").lower() for word in words]
    return len(said) <= _MOST_BACKCHANNEL_WORDS and all(word in _BACKCHANNELS for word in said)


def completeness(text: str, language: str = "") -> Completeness:
    """Return how `text`, the words of one turn, ends.

    `language` is a BCP 47 tag; empty, or one without rules of its own: English. Punctuation counts where the recogniser
    writes it, but for a full stop, which recognisers put after any pause.
    """
    stripped = text.strip()
    words = [word.replace(_APOSTROPHE, "'").lower() for word in _WORD.findall(stripped)]
    if not words or _CLOSED_END.search(stripped):
        return Completeness.COMPLETE
    if _is_dictated(words):
        return Completeness.DICTATED
    if _OPEN_END.search(stripped):
        return Completeness.UNFINISHED
    primary = language.partition("-")[0].lower() or _ENGLISH
    return Completeness.UNFINISHED if _leads_on(words, primary) else Completeness.COMPLETE


def _leads_on(words: list[str], language: str) -> bool:
    last = words[-1]
    if language not in _LEADS_ON:
        language = _ENGLISH
    if language != _ENGLISH:
        return last in _LEADS_ON[language]
    sentence = " ".join(words)
    if sentence.endswith(_FILLERS):
        return True
    if last == "so":
        return not sentence.removesuffix(" so").endswith(_AFFIRMED)
    if last in _STRANDED and _QUESTION & set(words):
        return False
    if last in {"like", "well", "actually"}:
        # They end sentences too ("I feel well"); alone, or after a pause that was written down, they lead on.
        return len(words) == 1
    return last in _LEADS_ON[_ENGLISH]


def _is_dictated(words: list[str]) -> bool:
    """Whether the turn is digits only, or ends in at least two digits or letters that were said one by one."""
    if words == ["oh"]:
        return False
    if all(_is_number(word) for word in words):
        return True
    spelled = 0
    for word in reversed(words):
        if not (word in _SINGLE_DIGITS or (len(word) == 1 and word not in {"a", "i"})):
            break
        spelled += 1
    return spelled > 1


def _is_number(word: str) -> bool:
    return word.isdigit() or word in _SINGLE_DIGITS or word in _TENS
