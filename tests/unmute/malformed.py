"""Messages that no client in order sends, each with what a server may make of it.

Events of the protocol with fields that are missing, null, of another type or extreme, and text that is no event, are
drawn by Hypothesis; damaged Ogg, sizes at the limit and frames that break WebSocket's rules by a seeded generator. The
same seed gives the same messages.
"""

import base64
import json
import math
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
import sphn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mesh.audio import SAMPLE_RATE
from tests.unmute.pages import Page

MESSAGE_LIMIT_BYTES = 1 << 20
"""The longest message that may be sent."""

PROTOCOL_ERROR, INVALID_DATA, TOO_BIG, LOST = 1002, 1007, 1009, 1006

KINDS = ("constant", "smalltalk", "guess_animal", "quiz_show", "news", "unmute_explanation")
LANGUAGES = (None, "en", "fr", "en/fr", "fr/en")


class Verdict(Enum):
    """What the protocol says of a message."""

    REJECTED = "one invalid_request_error"
    UPDATED = "one session.updated"
    IGNORED = "nothing"
    UNSAID = "at most one of these"


class Way(Enum):
    """How a message is sent."""

    TEXT = "text"
    BINARY = "binary"
    WIRE = "bytes on the wire, after which the server closes"


@dataclass(frozen=True)
class Malformed:
    """One message."""

    what: str
    data: bytes
    verdict: Verdict = Verdict.UNSAID
    way: Way = Way.TEXT
    pieces: int = 1
    """In how many frames it is sent."""
    codes: frozenset[int] = frozenset()
    """The close codes of which one must follow; none: the session goes on."""

    def __str__(self) -> str:
        """What a person reads who looks for the fault."""
        return f"{self.what} ({self.way.name}, {len(self.data)} bytes, {self.verdict.name}): {self.data[:400]!r}"


def messages(count: int, seed_: int) -> Iterator[Malformed]:
    """So many messages, of all sorts mixed."""
    dice = random.Random(seed_)  # noqa: S311 - repeatable
    events, noise, sound = _drawn(_events(), seed_), _drawn(_noise(), seed_), _Sound(dice)
    sorts: dict[Callable[[], Malformed], int] = {
        lambda: next(events): 45,
        lambda: next(noise): 15,
        sound.message: 34,
        lambda: _binary(dice, next(noise)): 3,
        lambda: _big(dice): 1,
        lambda: _against_the_protocol(dice): 2,
    }
    for make in dice.choices(list(sorts), list(sorts.values()), k=count):
        made = make()
        splits = made.way is not Way.WIRE and dice.random() < 0.1
        yield replace(made, pieces=dice.randint(2, 9)) if splits else made


# Events, and text that is none.

_NASTY_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "\0", "a" * 5_000, "\u202e", "🎙" * 50, "../../etc/passwd", "{}", "%s%n", "\ud800", "' OR 1=1--", "<b>"]
    ),
)
_NASTY_NUMBERS = st.one_of(
    st.integers(),
    st.floats(allow_nan=True),
    st.sampled_from([0, -1, 2**31, 2**63, 2**64, -(2**70), 10**400, 1e308, 5e-324]),
)
_ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), _NASTY_NUMBERS, _NASTY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NASTY_TEXT, inner, max_size=3)),
    max_leaves=6,
)
_ABSENT = object()


def _field(right: st.SearchStrategy[Any], *, wrong: int = 1) -> st.SearchStrategy[Any]:
    """A field that is right, absent, null, or anything."""
    return st.one_of(right, right, st.just(_ABSENT), st.none(), *[_ANYTHING] * wrong)


def _object(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    present = st.fixed_dictionaries(fields).map(
        lambda made: {name: value for name, value in made.items() if value is not _ABSENT}
    )
    extra = st.one_of(st.just({}), st.just({}), st.dictionaries(_NASTY_TEXT, _ANYTHING, max_size=2))
    return st.builds(lambda one, other: other | one, present, extra)


_LANGUAGE = _field(st.sampled_from(LANGUAGES))
_INSTRUCTIONS = _object(type=_field(st.sampled_from(KINDS)), language=_LANGUAGE, text=_field(_NASTY_TEXT))
_SESSION = _object(
    allow_recording=_field(st.booleans()),
    instructions=_field(st.one_of(st.none(), _INSTRUCTIONS)),
    voice=_field(_NASTY_TEXT),
)
_EVENT_ID = _field(st.just("event_1"))
_TYPES = (
    "input_audio_buffer.commit",
    "response.create",
    "response.cancel",
    "session.updated",
    "unmute.response.audio.delta.ready",
    "SESSION.UPDATE",
    "session.update ",
    "",
)


def _events() -> st.SearchStrategy[Malformed]:
    update = _object(type=st.just("session.update"), session=_field(_SESSION), event_id=_EVENT_ID)
    encoded = st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode())
    append = _object(type=st.just("input_audio_buffer.append"), audio=_field(encoded, wrong=2), event_id=_EVENT_ID)
    anonymized = _object(
        type=st.just("unmute.input_audio_buffer.append_anonymized"),
        number_of_samples=_field(st.integers(0, 10**6)),
        event_id=_EVENT_ID,
    )
    other = _object(type=_field(st.sampled_from(_TYPES)), session=_field(_SESSION), audio=_field(encoded))
    return st.one_of(update, update, append, anonymized, other).map(
        lambda event: Malformed("an event", json.dumps(event).encode(), verdict(event))
    )


def verdict(event: Any) -> Verdict:
    """What the protocol says of an event; unsaid is what its lax reader may make of wrong types.

    It is also unsaid what becomes of an event in order beside which, in a field that is nobody's, stands what JSON can
    hardly carry.
    """
    judged = _of_event(event)
    return Verdict.UNSAID if judged is not Verdict.REJECTED and not _is_portable(event) else judged


def _is_portable(value: Any) -> bool:
    """Whether every reader of JSON takes it: no halves of surrogate pairs, no number beyond 64 bits (RFC 8259)."""
    match value:
        case dict():
            return all(_is_portable(each) for pair in value.items() for each in pair)
        case list():
            return all(map(_is_portable, value))
        case str():
            return not any("\ud800" <= character <= "\udfff" for character in value)
        case int():
            return abs(value) < 2**63
        case float():
            return math.isfinite(value)
        case _:
            return True


def _of_event(event: Any) -> Verdict:
    if not isinstance(event, dict):
        return Verdict.REJECTED
    match event.get("type"):
        case "session.update":
            body = _of_session(event.get("session"))
        case "input_audio_buffer.append":
            body = Verdict.UNSAID if isinstance(event.get("audio"), str) else Verdict.REJECTED
        case "unmute.input_audio_buffer.append_anonymized":
            match event.get("number_of_samples"):
                case bool() | float() | str():
                    body = Verdict.UNSAID
                case int(number) if 0 <= number < 2**31:
                    body = Verdict.IGNORED
                case int():
                    body = Verdict.UNSAID
                case _:
                    body = Verdict.REJECTED
        case _:
            body = Verdict.REJECTED
    if body is not Verdict.REJECTED and not isinstance(event.get("event_id", ""), str):
        return Verdict.UNSAID
    return body


def _of_session(session: Any) -> Verdict:
    if not isinstance(session, dict):
        return Verdict.REJECTED
    parts = [_of_instructions(session.get("instructions")), _of_text(session.get("voice"))]
    match session.get("allow_recording"):
        case bool():
            pass
        case None | list() | dict():
            return Verdict.REJECTED
        case _:
            parts.append(Verdict.UNSAID)
    return _worst(parts)


def _of_instructions(instructions: Any) -> Verdict:
    if instructions is None:
        return Verdict.UPDATED
    if not isinstance(instructions, dict) or instructions.get("type") not in KINDS:
        return Verdict.REJECTED
    kind = instructions["type"]
    if kind == "unmute_explanation":
        return Verdict.UPDATED
    if instructions.get("language") not in LANGUAGES:
        return Verdict.REJECTED
    # An empty or null text may be refused, or taken for the default.
    if kind != "constant" or "text" not in instructions:
        return Verdict.UPDATED
    return _of_text(instructions["text"]) if instructions["text"] else Verdict.UNSAID


def _of_text(text: Any) -> Verdict:
    match text:
        case None:
            return Verdict.UPDATED
        case str() if len(text) > 1_000 or any(not character.isprintable() for character in text):
            return Verdict.UNSAID
        case str():
            return Verdict.UPDATED
        case int() | float():
            return Verdict.UNSAID
        case _:
            return Verdict.REJECTED


def _worst(parts: Sequence[Verdict]) -> Verdict:
    return next((each for each in (Verdict.REJECTED, Verdict.UNSAID) if each in parts), Verdict.UPDATED)


_VALID = (
    b'{"type":"session.update","session":{"allow_recording":false,"voice":null,"instructions":{"type":"news"}}}',
    b'{"type":"input_audio_buffer.append","audio":"T2dnUw=="}',
)


def _noise() -> st.SearchStrategy[Malformed]:
    """Text that is no event, most of it no JSON either."""
    valid = st.sampled_from(_VALID)
    cut = st.tuples(valid, st.integers(0, 50)).map(lambda pair: pair[0][: pair[1]])
    holes = st.tuples(valid, st.integers(0, 50), st.text('{}[]",:\\\0x0', max_size=3)).map(
        lambda trio: trio[0][: trio[1]] + trio[2].encode() + trio[0][trio[1] + 1 :]
    )
    plain = st.text(max_size=60).map(str.encode)
    values = _ANYTHING.filter(lambda value: not isinstance(value, dict)).map(lambda value: json.dumps(value).encode())
    depth = st.sampled_from([10, 1_000, 30_000, 200_000])
    deep = st.one_of(
        depth.map(lambda levels: b"[" * levels),
        depth.map(lambda levels: b"[" * levels + b"]" * levels),
        depth.map(lambda levels: b'{"session":' * levels + b"1" + b"}" * levels),
        depth.map(lambda levels: b'{"type":"session.update","session":' + b"[" * levels + b"]" * levels + b"}"),
    ).filter(lambda text: len(text) < MESSAGE_LIMIT_BYTES)
    odd = st.sampled_from(
        [
            b"",
            b" ",
            b"null",
            b"NaN",
            b"-",
            b"\xef\xbb\xbf{}",
            b"1e999999",
            b"9" * 50_000,
            b'"\\ud800"',
            b'{"type":"session.update","type":"response.create"}',
            b'{"type":"session.update","session":{"allow_recording":NaN}}',
            b'{"type":' + b'"a' * 500 + b'"}',
            b"GET / HTTP/1.1\r\n\r\n",
        ]
    )
    # Arrays of a quarter of a million would be most of the work; one in eight is enough.
    return st.one_of(cut, holes, plain, plain, values, odd, odd, deep).map(
        lambda text: Malformed("noise", text, Verdict.UNSAID if text in _VALID else _of_noise(text))
    )


def _of_noise(text: bytes) -> Verdict:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return Verdict.REJECTED
    return verdict(parsed) if isinstance(parsed, dict) else Verdict.REJECTED


def _drawn(strategy: st.SearchStrategy[Malformed], seed_: int, batch: int = 200) -> Iterator[Malformed]:
    """Draw from a strategy for ever; the same seed draws the same."""
    drawn: list[Malformed] = []
    while True:

        @seed(seed_)
        @settings(
            max_examples=batch,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def draw(made: Malformed) -> None:
            drawn.append(made)

        draw()
        yield from drawn
        drawn.clear()
        seed_ += 1


# Sound.


def encoded_sound(seconds: float = 2.0, seed_: int = 3) -> list[Page]:
    """A stream of Opus: a voice-like buzz in noise, and its pages."""
    noise = np.random.default_rng(seed_)
    count = round(seconds * SAMPLE_RATE)
    buzz = np.sign(np.sin(np.arange(count) * 2 * np.pi * 140 / SAMPLE_RATE)) * 0.05
    sound = (buzz + noise.normal(0, 0.01, count)).astype(np.float32)
    return list(Page.split(bytes(sphn.OpusStreamWriter(SAMPLE_RATE).append_pcm(sound))))


class _Sound:
    """Ogg pages that were damaged, and other things that are sent as sound."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._pages = encoded_sound()
        self._damages: list[tuple[str, Callable[[list[Page]], bytes]]] = [
            ("whole pages", joined),
            ("flipped bits", self._flipped),
            ("flipped bits, right checksum", self._flipped_in_body),
            ("a cut", lambda pages: joined(pages)[: self._dice.randrange(200)]),
            ("the rest of a cut", lambda pages: joined(pages)[self._dice.randrange(200) :]),
            ("pages twice", lambda pages: joined(pages * self._dice.randint(2, 40))),
            ("pages out of order", lambda pages: joined(self._dice.sample(pages, len(pages)))),
            ("a wrong checksum", lambda pages: self._wrong_checksum(joined(pages))),
            ("many segments", self._many_segments),
            ("empty packets", lambda pages: bytes(replace(pages[-1], lacing=bytes(255), body=b""))),
            ("segments that are not there", lambda pages: bytes(replace(pages[-1], lacing=b"\xff" * 255))),
            ("chained streams", self._chained),
            ("many streams", lambda _: b"".join(self._head(serial) for serial in range(300))),
            ("odd header fields", self._odd_header),
            ("an odd OpusHead", self._odd_head),
            ("another codec", lambda _: bytes(Page(2, 0, 9, 0, b"\x1e", b"\x01vorbis" + bytes(23)))),
            ("a WAV file", lambda _: b"RIFF\x24\0\0\0WAVEfmt " + bytes(200)),
            ("PCM", lambda _: self._dice.randbytes(3_840)),
            ("few bytes", lambda _: self._dice.randbytes(self._dice.randrange(8))),
            ("zlib", lambda pages: zlib.compress(joined(pages))),
            ("a granule from the end of time", lambda pages: bytes(replace(pages[-1], granule=2**63 - 1))),
            ("another version", lambda pages: bytes(replace(pages[-1], version=1))),
        ]

    def message(self) -> Malformed:
        """One message of sound."""
        what, damage = self._dice.choice(self._damages)
        begin = self._dice.choice([0, 0, self._dice.randrange(len(self._pages) - 4)])
        sound = damage(self._pages[begin : begin + self._dice.randint(1, 4)])
        audio = base64.b64encode(sound).decode()
        # Some encoders leave the padding out, some write for URLs, some break lines.
        audio = self._dice.choices(
            [audio, audio.rstrip("="), audio.replace("+", "-").replace("/", "_"), f"{audio[:76]}\n{audio[76:]}"],
            [20, 1, 1, 1],
        )[0]
        return Malformed(what, json.dumps({"type": "input_audio_buffer.append", "audio": audio}).encode())

    def _flipped(self, pages: list[Page]) -> bytes:
        sound = bytearray(joined(pages))
        for _ in range(self._dice.randint(1, 8)):
            sound[self._dice.randrange(len(sound))] ^= 1 << self._dice.randrange(8)
        return bytes(sound)

    def _flipped_in_body(self, pages: list[Page]) -> bytes:
        def flip(body: bytes) -> bytes:
            flipped = bytearray(body)
            for _ in range(self._dice.randint(1, 20)):
                flipped[self._dice.randrange(len(flipped))] = self._dice.randrange(256)
            return bytes(flipped)

        return joined([replace(page, body=flip(page.body)) for page in pages])

    def _wrong_checksum(self, sound: bytes) -> bytes:
        return sound[:22] + self._dice.randbytes(4) + sound[26:]

    def _many_segments(self, pages: list[Page]) -> bytes:
        size = self._dice.choice([1, 2, 3, 100, 255])
        return bytes(replace(pages[-1], lacing=bytes((size,)) * 255, body=self._dice.randbytes(size * 255)))

    def _chained(self, pages: list[Page]) -> bytes:
        serial = self._dice.randrange(2**32)
        return b"".join((self._head(serial), joined([replace(page, serial=serial) for page in pages]), joined(pages)))

    def _head(self, serial: int) -> bytes:
        return bytes(replace(self._pages[0], serial=serial)) + bytes(replace(self._pages[1], serial=serial))

    def _odd_header(self, pages: list[Page]) -> bytes:
        changes: dict[str, int] = {
            "flags": self._dice.randrange(256),
            "serial": self._dice.choice([0, 2**32 - 1]),
            "sequence": self._dice.choice([0, 2**32 - 1]),
            "granule": self._dice.choice([0, 2**64 - 1, 2**63]),
        }
        chosen: Any = dict(self._dice.sample(sorted(changes.items()), self._dice.randint(1, 4)))
        return joined([replace(page, **chosen) for page in pages])

    def _odd_head(self, pages: list[Page]) -> bytes:
        head = bytearray(self._pages[0].body)
        # Its version, channels, pre-skip, rate, gain and family of channels.
        head[self._dice.randrange(8, len(head))] = self._dice.choice([0, 1, 2, 255])
        head = head[: self._dice.choice([8, 12, len(head)])]
        return joined([replace(self._pages[0], body=bytes(head), lacing=bytes((len(head),))), self._pages[1], *pages])


def joined(pages: list[Page]) -> bytes:
    """The pages as one piece."""
    return b"".join(bytes(page) for page in pages)


# What WebSocket says about messages.


def _binary(dice: random.Random, noise: Malformed) -> Malformed:
    data = dice.choice([noise.data, dice.randbytes(dice.randrange(3_000)), *_VALID])
    return Malformed("a binary frame", data, Verdict.REJECTED, Way.BINARY)


def _big(dice: random.Random) -> Malformed:
    """A message around the limit: whatever is longer is refused, whatever is not is read."""
    head, tail = b'{"type":"input_audio_buffer.append","audio":"', b'"}'
    over = dice.random() < 0.5
    size = dice.choice([1, 2, 1_000, 3_000_000]) if over else -dice.choice([0, 1, 2, 1_000])
    filling = dice.choice([b"A", b"=", b"\\u0000", b"T2dnUwAA", b"\xe2\x82\xac", b" "])
    room = MESSAGE_LIMIT_BYTES + size - len(head) - len(tail)
    data = head + (filling * (room // len(filling))).ljust(room, b"A") + tail
    if over:
        # What is still on its way when the server closes resets the connection, and may take the close frame with it.
        return Malformed("too big", data, codes=frozenset({TOO_BIG, LOST}))
    return Malformed("almost too big", data)


def _frame(opcode: int, body: bytes, *, final: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A frame as a client masks it (RFC 6455, 5.2), with a mask that changes nothing."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    length, more = (len(body), b"") if len(body) < 126 else (126, struct.pack(">H", len(body)))
    return bytes((first, (0x80 if masked else 0) | length)) + more + (bytes(4) if masked else b"") + body


_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_BROKEN = frozenset({PROTOCOL_ERROR, LOST})
_GARBLED = frozenset({INVALID_DATA, LOST})


def _against_the_protocol(dice: random.Random) -> Malformed:
    """Frames that no server may take: it closes, and says why if it can."""
    wire, codes = dice.choice(
        [
            (_frame(_TEXT, b"\xff\xfe{}"), _GARBLED),
            (_frame(_TEXT, b'{"type":"\xed\xa0\x80"}'), _GARBLED),
            (_frame(_TEXT, b"\xe2", final=False) + _frame(0, b"\x28\xa1"), _GARBLED),
            (_frame(_TEXT, b"{}", masked=False), _BROKEN),
            (_frame(_TEXT, b"{}", reserved=dice.randint(1, 7)), _BROKEN),
            (_frame(dice.choice([3, 4, 7, 11, 15]), b"{}"), _BROKEN),
            (_frame(0, b"goes on, but what?"), _BROKEN),
            (_frame(_TEXT, b"{", final=False) + _frame(_TEXT, b"}"), _BROKEN),
            (_frame(_PING, bytes(126)), _BROKEN),
            (_frame(_PING, b"", final=False), _BROKEN),
            (_frame(_CLOSE, b"\x03"), _BROKEN),
            (_frame(_CLOSE, struct.pack(">H", 1_005)), _BROKEN),
            (_frame(_CLOSE, struct.pack(">H", 1_000) + b"\xff"), _BROKEN | _GARBLED),
            (b"\x81\xff" + b"\xff" * 8 + bytes(4), _BROKEN | {TOO_BIG}),
            (b"\x81\xff" + struct.pack(">Q", 2**40) + bytes(4), _BROKEN | {TOO_BIG}),
            (b"GET / HTTP/1.1\r\n\r\n", _BROKEN),
            (dice.randbytes(64).translate(bytes(range(256))), None),
        ]
    )
    if codes is None:
        # Anything at all; a frame of a reserved kind makes sure that it is over.
        wire, codes = _frame(_BINARY, wire) + _frame(15, wire), _BROKEN
    return Malformed("against WebSocket", wire, Verdict.UNSAID, Way.WIRE, codes=frozenset(codes))
