"""A written text that comes piece by piece, cut anywhere, as the words that are spoken of it.

Markdown, HTML, SSML and LaTeX are understood where they are written the usual way. Of a block of code nothing is said,
of a link its text, of a formula its signs. Headings, list items and rows of a table end like sentences. Stage
directions are left out. A word waits for its own end. It waits for more only where more decides about it: inside of
what may be a tag, a formula or a direction, beside a sign that may calculate, and at the end of a line that is an item.
"""
# ruff: noqa: RUF001 - typographic marks are what this is about

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from mesh.text.marks import unmarked
from mesh.text.writing import CLAUSE_MARKS, SENTENCE_MARKS, characters_in, parts_of
from tts_proxy.spoken.spans import RULES, Place, Span, Wait
from tts_proxy.spoken.words import PAUSES, is_number, is_operand, makes_sound, said

_LONGEST_WORD: Final = 1_000
"""Characters. A longer word is cut there."""
_LINE_BREAK, _PARAGRAPH, _GLUED = "\n", "\n\n", "\v"
"""What may stand between words that are held, as a space may; the last where no white space was."""
_SPACE = re.compile(r"\s+")
_SEPARATORS = re.compile(r"[\n\v ]*")
_WORD = re.compile(r"[^\n\v ]+")
_FENCE, _COMMENT, _COMMENT_END = "```", "<!--", "-->"
_OPENERS = re.compile(f"[{re.escape(''.join(RULES))}]")

_LIST_MARKS = frozenset("-*+•◦▪‣·●○–")
_LIST_NUMBER = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z])[.)]")
_HEADING = re.compile(r"#{1,6}")
_GLUED_HEADING = re.compile(r"#{2,6}(?=\w)")
_QUOTE = re.compile(r">+(?=[^\d=>]|$)")
_RULE = re.compile(r"[-=*_~]{3,}")
_LOOK_AHEAD: Final = 80
"""Characters after a sign in which the next two words are looked for."""
_DASHES = frozenset("-–—―")
_SIGNS = {"*": "×", "**": "^", "x": "×", "X": "×", "/": "÷"}
"""What a sign that stands alone says between numbers."""
_CALCULATING = frozenset("+=×÷^−<>≤≥≠≈±")
_ENDED = re.compile(rf"[{re.escape(''.join(CLAUSE_MARKS | SENTENCE_MARKS | {'.'}))}][\"'”’»)\]}}*_~`」』）】]*$")
_FULL_STOP, _COMMA = ".", ","
_WIDE = {".": "。", ",": "，"}


class SpokenWord(NamedTuple):
    """A word that is spoken, or a mark that intones what is before it."""

    written: str
    """As it was written, marks included, without spaces; of a formula, what it was made of it."""
    said: str
    """What a voice is given for it: one or more words with a space between."""


@dataclass(slots=True)
class _Line:
    """What is known of the present line."""

    begun: bool = False
    """A word has come, marks of lists and quotes apart."""
    spoken: bool = False
    """A word of it is spoken."""
    block: bool = False
    """It is a heading, an item or a row: its end is the end of a sentence."""
    row: bool = False
    cell_ended: bool = False
    item: bool = False


class SpokenText:
    """Takes a text in and gives the words of it out. Where it is cut changes nothing."""

    def __init__(self) -> None:
        self._raw = ""
        """What came and is no whole word yet."""
        self._held = ""
        """Whole words that are not decided about, each with what separates it from the word before."""
        self._line = _Line()
        self._in_code = self._in_comment = False
        self._calculates = False
        """A sign of a formula was given out in this line."""
        self._source = ""
        """The first word that is held as it was written, if marks have been taken out of it."""
        self._before = ""
        """The last word that was given out, as it is said."""
        self._pending: SpokenWord | None = None
        """A word without a mark that may be the last of its item."""
        self._words: list[SpokenWord] = []

    def feed(self, text: str) -> list[SpokenWord]:
        """Take in more text and return the words that are certain."""
        return self._take(text, finished=False)

    def finish(self) -> list[SpokenWord]:
        """End the text and return the rest of its words."""
        words = self._take("", finished=True)
        self._release("")
        return [*words, *self._given()]

    def _take(self, text: str, *, finished: bool) -> list[SpokenWord]:
        self._raw += text
        self._collect(finished=finished)
        while self._held:
            separators = _SEPARATORS.match(self._held)
            if separators and separators[0]:
                self._held = self._held[separators.end() :]
                if _LINE_BREAK in separators[0]:
                    self._end_line(paragraph=_PARAGRAPH in separators[0])
                    self._line, self._calculates = _Line(), False
            if self._held and not self._decide(finished=finished):
                break
        return self._given()

    def _given(self) -> list[SpokenWord]:
        words, self._words = self._words, []
        return words

    def _collect(self, *, finished: bool) -> None:
        """Move whole words from what came to what is held."""
        while True:
            space = _SPACE.match(self._raw)
            begin = space.end() if space else 0
            if begin == len(self._raw):
                return
            end = _SPACE.search(self._raw, begin)
            word = self._raw[begin : end.start() if end else None]
            whole = [part[at : at + _LONGEST_WORD] for part in parts_of(word) for at in _cuts(part)]
            if not (end or finished):
                whole.pop()
            if not whole:
                return
            between = _GLUED if space is None else _separator(space[0])
            self._held += between + _GLUED.join(whole)
            self._raw = self._raw[begin + sum(map(len, whole)) :]

    # --- decisions about the first word that is held --------------------------------------------------------------

    def _decide(self, *, finished: bool) -> bool:
        """Take the first word away, or change it; False: what comes after it must be known before."""
        found = _WORD.match(self._held)
        word = found[0] if found else ""
        if self._in_code or self._in_comment:
            self._skip(word)
            return True
        if not self._line.begun and self._begins_line(word):
            return True
        for opening in (_FENCE, _COMMENT):
            before, mark, _ = word.partition(opening)
            if mark:
                self._emit(before, before)
                self._in_code, self._in_comment = opening == _FENCE, opening == _COMMENT
                self._drop(len(before) + len(mark))
                return True
        if self._line.row and "|" in word and word != "|":
            self._held = word.replace("|", " | ") + self._held[len(word) :]
            return True
        for opener in _OPENERS.finditer(word):
            place = Place(self._held, opener.start(), self._at_clause, finished)
            for rule in RULES[opener[0]]:
                match rule(place):
                    case Span(stop, replacement, is_mark):
                        self._source = (self._source or word) if is_mark else ""
                        self._held = self._held[: opener.start()] + replacement + self._held[stop:]
                        return True
                    case Wait():
                        return False
        return self._give_out(word, finished=finished)

    def _begins_line(self, word: str) -> bool:
        """Handle a mark that begins a line, if it is one."""
        line = self._line
        if quote := _QUOTE.match(word):
            self._drop(quote.end())
            return True
        if _RULE.fullmatch(word):
            self._intone(_FULL_STOP)
            self._drop(len(word))
            return True
        if line.item and word in {"[", "]", "[]", "[x]", "[X]", "x]"}:
            self._drop(len(word))
            return True
        if not line.item and (word in _LIST_MARKS or _HEADING.fullmatch(word)):
            self._intone(_COMMA)
            line.block = line.item = True
            self._drop(len(word))
            return True
        if glued := _GLUED_HEADING.match(word):
            line.block = True
            self._drop(glued.end())
            return True
        line.row = word.startswith("|")
        line.block |= line.row or bool(_LIST_NUMBER.fullmatch(word)) or word.startswith("**")
        line.begun = True
        return False

    def _give_out(self, word: str, *, finished: bool) -> bool:
        """Give out the word; one that is a sign of a formula as that sign."""
        sign = self._sign(word, finished=finished)
        if sign is None:
            return False
        source = self._source or word
        self._drop(len(word))
        if sign:
            self._append(SpokenWord(word, sign))
        elif word == "|":
            self._line.cell_ended = True
        else:
            self._emit(word, source)
        return True

    def _sign(self, word: str, *, finished: bool) -> str | None:
        """What a word is read as if it stands alone between numbers; empty: it does not; None: not known yet."""
        sign, is_beside = _SIGNS.get(word, ""), is_operand if word in {"*", "**"} else is_number
        if not (sign or word in _DASHES) or not is_beside(self._before):
            return ""
        rest = self._held[len(word) : len(word) + _LOOK_AHEAD]
        line, line_break, _ = rest.partition(_LINE_BREAK)
        follows = _WORD.findall(line)[:2]
        may_grow = not (finished or line_break) and len(rest) < _LOOK_AHEAD
        if not follows:
            return None if may_grow else ""
        if sign:
            return sign if is_operand(follows[0]) else ""
        if not is_number(follows[0]) or self._calculates:
            return "−" if self._calculates and is_number(follows[0]) else ""
        if len(follows) == 1 and may_grow:
            return None
        return "−" if follows[1:] == ["="] else ""

    def _drop(self, length: int) -> None:
        self._held = self._held[length:]
        self._source = ""

    def _skip(self, word: str) -> None:
        """Drop a word of what is not spoken, up to the end of that."""
        before, found, _ = word.partition(_FENCE if self._in_code else _COMMENT_END)
        self._drop(len(before) + len(found))
        if found:
            self._in_code = self._in_comment = False

    # --- words that are given out ---------------------------------------------------------------------------------

    @property
    def _at_clause(self) -> bool:
        """Whether a clause may begin here."""
        return not self._before or not self._line.spoken or bool(_ENDED.search(self._before))

    def _emit(self, word: str, source: str) -> None:
        parts = unmarked(word).split()
        for part in parts:
            spoken = said(part)
            if makes_sound(spoken):
                self._append(SpokenWord(source if len(parts) == 1 else part, spoken))
            elif spoken and not self._line.row and (spoken in _DASHES or spoken[0] in PAUSES):
                self._intone(spoken[0])

    def _append(self, word: SpokenWord) -> None:
        self._release(_COMMA if self._line.cell_ended else "")
        self._line.cell_ended = False
        self._line.spoken = True
        if self._line.block and not _ENDED.search(word.said):
            self._pending = word
        else:
            self._words.append(word)
        self._before = word.said
        self._calculates = not _ENDED.search(word.said) and (self._calculates or word.said in _CALCULATING)

    def _end_line(self, *, paragraph: bool) -> None:
        if self._pending:
            self._before = self._pending.said + _FULL_STOP
            self._release(_FULL_STOP)
        elif paragraph:
            self._intone(_FULL_STOP)

    def _intone(self, mark: str) -> None:
        self._release("")
        if self._before and not _ENDED.search(self._before):
            self._words.append(SpokenWord(mark, mark))
            self._before += mark

    def _release(self, mark: str) -> None:
        """Give out the word that waits for the end of its line, with a mark."""
        if (word := self._pending) is not None:
            self._pending = None
            mark = _WIDE.get(mark, mark) if characters_in(word.said) else mark
            self._words.append(word._replace(said=word.said + mark))


def spoken_words(text: str) -> list[str]:
    """Return the words of a whole text that are heard, without marks."""
    spoken = SpokenText()
    return [unmarked(word.written) for word in (*spoken.feed(text), *spoken.finish()) if makes_sound(word.said)]


def _separator(space: str) -> str:
    return _LINE_BREAK * min(space.count(_LINE_BREAK), 2) or " "


def _cuts(part: str) -> range:
    return range(0, len(part), _LONGEST_WORD)
