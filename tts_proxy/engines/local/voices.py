"""Which of two engines speaks.

A voice of hibari's speaks English. Words of another script, which it cannot read, are spoken by eSpeak in a language of
that script, in the middle of a sentence if they stand there. Every other voice is eSpeak's, and so are custom voices.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from tts_proxy.clauses.engine import ClauseVoices
from tts_proxy.clauses.speech import Speaker, Speech, joined
from tts_proxy.clauses.splitting import Clause, Ending
from tts_proxy.engines.hibari.pronunciation import is_readable
from tts_proxy.engines.hibari.speaker import HibariVoices
from tts_proxy.spoken.words import makes_sound

LANGUAGES = {
    "ARABIC": "ar",
    "ARMENIAN": "hy",
    "BENGALI": "bn",
    "CJK": "cmn",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "ETHIOPIC": "am",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "KANNADA": "kn",
    "KATAKANA": "ja",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "ORIYA": "or",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
"""The language with the most readers in each script, by the first word of its letters' names in Unicode."""


class LocalVoices:
    """The voices of both engines, as `ClauseVoices`. `espeak` may be missing: then only hibari's voices are found.

    `default` is what an empty name means. Raises `VoiceNotFound` where no engine has it.
    """

    def __init__(self, hibari: HibariVoices, espeak: ClauseVoices | None, *, default: str) -> None:
        self._hibari = hibari
        self._espeak = espeak
        self._default = default
        self.speaker("")

    @property
    def name(self) -> str:
        """What embeddings are tagged with: the engine that speaks custom voices, if it is here."""
        return self._espeak.name if self._espeak else self._hibari.name

    @property
    def voices(self) -> Mapping[str, Sequence[str]]:
        """The voices of both, by engine."""
        return {**self._hibari.voices, **(self._espeak.voices if self._espeak else {})}

    def speaker(self, voice: str, embedding: bytes | None = None) -> Speaker:
        """Return a voice; an empty name is the default's. Raises `VoiceNotFound`."""
        voice = voice or self._default
        if self._espeak is None:
            return self._hibari.speaker(voice, embedding)
        if embedding is None and voice in self._hibari:
            return MixedSpeaker(self._hibari.speaker(voice), self._espeak)
        return self._espeak.speaker(voice, embedding)


class MixedSpeaker:
    """A `Speaker` for English: what it cannot read is spoken by `others`, which have a voice for every language."""

    def __init__(self, english: Speaker, others: ClauseVoices) -> None:
        self._english = english
        self._others = others

    async def say(self, clause: Clause) -> Speech:
        """Speak a clause, part by part."""
        parts = list(parts_of(clause))
        return joined([await self._speaker(language).say(part) for language, part in parts])

    def _speaker(self, language: str) -> Speaker:
        return self._others.speaker(language) if language else self._english


def parts_of(clause: Clause) -> Iterator[tuple[str, Clause]]:
    """Yield the parts of a clause that one voice speaks, each with its language; "" is English."""
    groups = [
        (language, [word for word, _ in group])
        for language, group in groupby(_with_languages(clause.words), itemgetter(1))
    ]
    for index, (language, words) in enumerate(groups, start=1):
        yield language, Clause(tuple(words), clause.ending if index == len(groups) else Ending.CUT)


def _with_languages(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each word with its language. A word that makes no sound has the language of the word before it."""
    language = ""
    # Chinese characters count as Japanese in a clause that contains kana.
    is_japanese = any(_language(word) == "ja" for word in words)
    for word in words:
        if is_readable(word):
            language = ""
        elif makes_sound(word):
            language = _language(word)
            if is_japanese and language == "cmn":
                language = "ja"
        yield word, language


def _language(word: str) -> str:
    """The language of a word's letters; "" if it is not known, in which case the English voice speaks the word."""
    found = [LANGUAGES.get(unicodedata.name(character, "").split(" ")[0], "") for character in word]
    return "ja" if "ja" in found else next(filter(None, found), "")
