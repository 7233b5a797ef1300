"""How a page plays what it is sent, to tell whether its listener hears a gap."""

from collections.abc import Iterable

from tests.unmute.occurrences import Occurrence, Received
from tests.unmute.pages import OpusStream
from tests.unmute.sheet import AudioDelta, ResponseCreated

BUFFER_S = 0.09
"""How long the page's player waits after the first sound of a reply."""


def gaps(occurrences: Iterable[Occurrence]) -> list[float]:
    """How many seconds each reply stood still because its next sound had not come, for every reply that had sound."""
    stream = OpusStream()
    found: list[float] = []
    plays_until: float | None = None
    for occurrence in occurrences:
        match occurrence:
            case Received(event=ResponseCreated()):
                plays_until = None
            case Received(event=AudioDelta(delta=pages), at=at):
                before_s = stream.length_s
                for _ in stream.feed(pages):
                    pass  # a rule's business
                if plays_until is None:
                    plays_until = at + BUFFER_S
                    found.append(0.0)
                elif at > plays_until:
                    found[-1] += at - plays_until
                    plays_until = at
                plays_until += stream.length_s - before_s
    return found
