"""What no client expects to receive."""

import random
from collections.abc import Callable, Mapping

import msgpack

_HUGE_BYTES = 2 << 20
"""More than the customary limit of clients, 1 MiB."""


def garbage(how: str, like: bytes, chance: random.Random) -> bytes | str:
    """A message of this kind (see `faults.Garbage`); `like` is one that would be right."""
    if how == "any":
        how = chance.choice(list(_MAKERS))
    return _MAKERS[how](like, chance)


def _random(_: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(0, 200))


def _mutated(like: bytes, chance: random.Random) -> bytes:
    mutated = bytearray(like or b"\x80")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(mutated) + 1)
        match chance.randrange(3):
            case 0:
                mutated.insert(at, chance.randrange(256))
            case 1:
                del mutated[at : at + 1]
            case _:
                mutated[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(mutated)


def _types(_: bytes, chance: random.Random) -> bytes:
    wrong: bytes = msgpack.packb(
        chance.choice(
            [
                {"type": "Step", "step_idx": "one", "prs": None},
                {"type": "Step", "step_idx": -1, "prs": ["a", {}, []], "buffered_pcm": "0"},
                {"type": "Word", "text": 7, "start_time": "now"},
                {"type": "Word"},
                {"type": "Audio", "pcm": b"\x00\x00"},
                {"type": "Audio", "pcm": "samples"},
                {"type": "Audio", "pcm": [float("nan"), float("inf"), None]},
                {"type": "Text", "text": ["a"], "start_s": None, "stop_s": []},
                {"type": "Text", "text": "back", "start_s": -1e300, "stop_s": float("nan")},
                {"type": 7},
                {"type": "Nonsense"},
                {"type": None},
                {1: 2},
                ["Ready"],
                "Ready",
                None,
                [],
            ]
        )
    )
    return wrong


def _text(_: bytes, chance: random.Random) -> str:
    return chance.choice(["", "hello", '{"type": "Ready"}', "Ready"])


def _huge(_: bytes, chance: random.Random) -> bytes:
    huge: bytes = msgpack.packb({"type": "Word", "text": "x" * (_HUGE_BYTES + chance.randrange(9)), "start_time": 0.0})
    return huge


_MAKERS: Mapping[str, Callable[[bytes, random.Random], bytes | str]] = {
    "random": _random,
    "mutated": _mutated,
    "types": _types,
    "text": _text,
    "huge": _huge,
}
