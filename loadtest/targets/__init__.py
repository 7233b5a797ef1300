"""What a load test can be aimed at.

| module | what it opens |
|---|---|
| `realtime` | the edge's `/v1/realtime`: Unmute's dialect, Ogg Opus |
| `converse` | the edge's `/v1/converse`, Ogg Opus; and `Converse` itself, PCM |
"""

from typing import Protocol

from loadtest.conversation import ConversationLog
from loadtest.speech import Voice


class Connection(Protocol):
    """A conversation that was admitted."""

    def send_frame(self, frame: bytes) -> None:
        """Send the next frame of the microphone, one of the target's `voice`. Never waits, never raises."""
        ...

    async def until_lost(self) -> None:
        """Wait until the peer ends the conversation. Raises `Lost`, always."""
        ...

    async def close(self) -> None:
        """Hang up in good order."""
        ...

    def abort(self) -> None:
        """Be gone without a word."""
        ...


class ConversationTarget(Protocol):
    """Where conversations are held."""

    name: str
    """For people."""
    voice: Voice
    """What its microphones send."""

    async def connect(self, log: ConversationLog) -> Connection:
        """Open a conversation whose events go to `log`, and wait until it is admitted. Raises `Refused`."""
        ...

    async def close(self) -> None:
        """Close what the conversations shared."""
        ...
