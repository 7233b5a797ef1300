"""What a person does so that the fault strikes in a given phase of the conversation, and afterwards.

Each script is told the moment of the strike in advance, and arranges its speech backwards from there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from chaos.caller import WORD_S, Caller
from chaos.journal import Entry, Event, SpeechEnded, Typed

ASKED_WORDS = 4
"""Words of an ordinary question."""

LEAD_S = 7.0
"""How long before the strike the conversations begin."""
OPENING_LEAD_S = 0.02
"""The same for those that are to be opening."""

_OPENED_WITHIN_S = 20.0


class Timing(NamedTuple):
    """When the fault strikes and when it is over, in seconds of the loop's clock."""

    strike: float
    over: float
    usual_wait_s: float
    """How long a reply's first sound takes without a fault."""
    jitter_s: float
    """By how much this conversation differs from the others in its phase."""


Script = Callable[[Caller, Timing], Awaitable[None]]


async def _at(moment: float) -> None:
    await asyncio.sleep(moment - asyncio.get_running_loop().time())


async def _ask_so_that_the_reply_begins(caller: Caller, moment: float, timing: Timing) -> None:
    await _at(moment - timing.usual_wait_s - ASKED_WORDS * WORD_S)
    await caller.say(ASKED_WORDS)


async def opening(caller: Caller, timing: Timing) -> None:
    """The connection is being opened. The person speaks once there is one."""
    del timing
    await caller.until_admitted(_OPENED_WITHIN_S)
    await caller.say(ASKED_WORDS)


async def listening(caller: Caller, timing: Timing) -> None:
    """Nobody speaks. The person does so half a second later."""
    await _at(timing.strike + 0.5)
    await caller.say(ASKED_WORDS)


async def speaking(caller: Caller, timing: Timing) -> None:
    """The person is in the middle of a long sentence."""
    await _at(timing.strike - 1.8 - timing.jitter_s)
    await caller.say(14)


async def pausing(caller: Caller, timing: Timing) -> None:
    """The person has just stopped speaking."""
    await _at(timing.strike - 0.25 - timing.jitter_s / 2 - ASKED_WORDS * WORD_S)
    await caller.say(ASKED_WORDS)


async def preparing(caller: Caller, timing: Timing) -> None:
    """The turn has ended, and the language model has not written anything yet."""
    await _ask_so_that_the_reply_begins(caller, timing.strike + 0.8, timing)


async def begun(caller: Caller, timing: Timing) -> None:
    """The first sound of the reply has been sent."""
    await _ask_so_that_the_reply_begins(caller, timing.strike - 0.15, timing)


async def mid_reply(caller: Caller, timing: Timing) -> None:
    """A third of the reply was heard."""
    await _ask_so_that_the_reply_begins(caller, timing.strike - 1.5 - timing.jitter_s, timing)


async def held(caller: Caller, timing: Timing) -> None:
    """The person speaks over a reply, and no word is recognised yet."""
    await _ask_so_that_the_reply_begins(caller, timing.strike - 1.8, timing)
    await _at(timing.strike - 0.5)
    await caller.say(ASKED_WORDS)


async def typed(caller: Caller, timing: Timing) -> None:
    """The person has typed."""
    await _at(timing.strike - 0.15 - timing.jitter_s)
    await caller.type("What do you think?")


PHASES: Mapping[str, Script] = {
    "opening": opening,
    "listening": listening,
    "speaking": speaking,
    "pausing": pausing,
    "preparing": preparing,
    "begun": begun,
    "mid-reply": mid_reply,
    "held": held,
    "typed": typed,
}


def finished_after(moment: float) -> Callable[[list[Entry]], bool]:
    """A condition: a reply was heard to its end after a moment."""

    def finished(journal: list[Entry]) -> bool:
        return any(isinstance(e, Event) and e.name == "replyFinished" and e.at >= moment for e in journal)

    return finished


def asked_last(journal: Sequence[Entry]) -> float:
    """When the person has asked last."""
    return max((entry.at for entry in journal if isinstance(entry, SpeechEnded | Typed)), default=0.0)


def last_heard(journal: Sequence[Entry]) -> float | None:
    """When the last sound came."""
    return max((e.at for e in journal if isinstance(e, Event) and e.name == "replyAudio"), default=None)
