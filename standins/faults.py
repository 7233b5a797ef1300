"""What an engine can be made to do wrong.

A fault is written as its kind and, behind a colon, its fields: "full", "http:status=503", "close:how=reset,after=5",
"stall:after=20,seconds=3,probability=0.1". An engine draws for every connection or request: the first of its faults
whose probability hits is the one that happens. The draws are seeded, so a storm can be repeated.

`after` counts the messages that a connection is sent, of which `Ready` is the first: 0 is in place of `Ready`, 1 is
right behind it. For a language model it counts tokens, for cloning it means nothing.
"""

import difflib
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, ClassVar, Literal

import msgspec

from standins.llm.answers import NAMED

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class BadFault(Exception):
    """No such fault; the message says what was expected."""


class _Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    summary: ClassVar[str]

    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


class Full(_Fault, frozen=True, kw_only=True, tag="full"):
    """Refuse as if no slot were free."""

    summary = "refuse as if no slot were free"


class Http(_Fault, frozen=True, kw_only=True, tag="http"):
    """Answer with an HTTP status in place of the upgrade or the result."""

    summary = "answer with an HTTP status"

    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503


class Slow(_Fault, frozen=True, kw_only=True, tag="slow"):
    """Come late: `first` is the extra time before the first message, `each` the least between two."""

    summary = "be late: seconds before the first message, and between two"

    first: Seconds = 2.0
    each: Seconds = 0.0


class Stall(_Fault, frozen=True, kw_only=True, tag="stall"):
    """Fall silent for a while (0: for good), and go on where it stopped."""

    summary = "fall silent for some seconds (0: for good)"

    after: Count = 5
    seconds: Seconds = 0.0


class Silent(_Fault, frozen=True, kw_only=True, tag="silent"):
    """Accept, take a slot and never say a word. Pings go on."""

    summary = "accept, take a slot and never answer"


class StopsReading(_Fault, frozen=True, kw_only=True, tag="stops_reading"):
    """Stop reading, so that the client's sends pile up."""

    summary = "stop reading what the client sends"

    after: Count = 1


class Garbage(_Fault, frozen=True, kw_only=True, tag="garbage"):
    """Send what no client expects: random bytes, a mutated message, wrong types, text, something huge."""

    summary = "send garbage"

    after: Count = 0
    how: Literal["any", "random", "mutated", "types", "text", "huge"] = "any"
    count: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1


class CrossTalk(_Fault, frozen=True, kw_only=True, tag="cross_talk"):
    """Send another stream's messages before `Ready`."""

    summary = "send another stream's messages before Ready"

    count: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3


class Close(_Fault, frozen=True, kw_only=True, tag="close"):
    """End early: with a status code, bare (without one), by eof (no close frame) or by a TCP reset."""

    summary = "end early"

    after: Count = 5
    how: Literal["code", "bare", "eof", "reset"] = "code"
    code: Annotated[int, msgspec.Meta(ge=1000, le=4999)] = 1011


class ErrorMessage(_Fault, frozen=True, kw_only=True, tag="error"):
    """Send an `Error` and close, though it is not full."""

    summary = "send an Error message and close"

    after: Count = 5
    message: str = "model failure"


class Answers(_Fault, frozen=True, kw_only=True, tag="answers"):
    """Answer like another server, at HTTP 200, by a name of `standins.llm.answers`.

    `skip` leaves out the first so many parts: an error that comes in the middle then comes in place of the answer.
    """

    summary = "answer like another server; GET /standin lists the names"

    like: str = "endless-repetition"
    skip: Count = 0


Fault = Full | Http | Slow | Stall | Silent | StopsReading | Garbage | CrossTalk | Close | ErrorMessage | Answers
KINDS: tuple[type[_Fault], ...] = (
    Full,
    Http,
    Slow,
    Stall,
    Silent,
    StopsReading,
    Garbage,
    CrossTalk,
    Close,
    ErrorMessage,
    Answers,
)

_FORMER_NAMES = {"rude": "garbage", "deaf": "stops_reading", "stray": "cross_talk"}
"""Names of faults in earlier versions, which still work."""


def parse(written: str) -> Fault:
    """The fault that is written like "close:how=reset,after=5". Raises `BadFault`."""
    kind, _, rest = written.partition(":")
    fields = {}
    for part in filter(None, rest.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise BadFault(f"{written!r}: expected name=value, not {part!r}")
        fields[name.strip()] = value.strip()
    return convert({**fields, "kind": kind.strip()})


def convert(fields: object) -> Fault:
    """The fault with these fields, of which `kind` is one. Raises `BadFault`."""
    if isinstance(fields, str):
        return parse(fields)
    if isinstance(fields, dict) and (kind := _FORMER_NAMES.get(str(fields.get("kind")))):
        fields = {**fields, "kind": kind}
    try:
        fault: Fault = msgspec.convert(fields, Fault, strict=False)
    except msgspec.ValidationError as error:
        kinds = ", ".join(name(kind) for kind in KINDS)
        raise BadFault(f"{fields}: {error}. Faults are: {kinds}") from None
    if isinstance(fault, Answers) and fault.like not in NAMED:
        near = difflib.get_close_matches(fault.like, NAMED, n=3, cutoff=0.3) or list(NAMED)[:3]
        raise BadFault(f"no server is known to answer like {fault.like!r}; is it {', '.join(near)}?")
    if isinstance(fault, Close) and fault.code in {1004, 1005, 1006, 1015}:
        raise BadFault(f"the code {fault.code} is never sent; how=bare gives 1005, how=eof 1006")
    return fault


def name(kind: type[_Fault]) -> str:
    """What a kind of fault is called."""
    return str(kind.__struct_config__.tag)


class Faults:
    """The faults of one engine."""

    def __init__(self, kinds: Sequence[type[_Fault]], seed: int) -> None:
        """`kinds` are those that the engine knows."""
        self._kinds = tuple(kinds)
        self._chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._faults: tuple[Fault, ...] = ()

    def set(self, faults: Sequence[Fault | str]) -> None:
        """Do these from the next connection on, and no others. Raises `BadFault`."""
        wanted = tuple(parse(fault) if isinstance(fault, str) else fault for fault in faults)
        self.check(wanted)
        self._faults = wanted

    def check(self, faults: Iterable[Fault]) -> None:
        """Raise `BadFault` for one that this engine does not know."""
        for fault in faults:
            if not isinstance(fault, self._kinds):
                kinds = ", ".join(map(name, self._kinds))
                raise BadFault(f"{name(type(fault))} is no fault of this engine; these are: {kinds}")

    def reseed(self, seed: int) -> None:
        """Draw as from the start, from this seed."""
        self._chance.seed(seed)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def draw(self) -> Fault | None:
        """What happens to the next connection."""
        return next((fault for fault in self._faults if self._chance.random() < fault.probability), None)

    @property
    def chance(self) -> random.Random:
        """For what a fault leaves open."""
        return self._chance
