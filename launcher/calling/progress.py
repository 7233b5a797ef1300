"""How far a call has come: whether everything that was said has been answered."""

from launcher.calling.events import (
    Event,
    ReplyEnded,
    ReplyStarted,
    UserSpeechStarted,
    UserTurnDiscarded,
    UserWord,
)


class Progress:
    """A call in which `turns` replies are to be heard.

    A pause in what the caller says may draw a reply that the rest of it cuts short; so only replies that were heard to
    their end count, and the call is not over while the mesh still owes an answer to something it noticed.
    """

    def __init__(self, turns: int) -> None:
        self.replies = 0
        self._turns = turns
        self._played_out = False
        self._owed = False
        self._replying = False

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self._played_out and self.replies >= self._turns and not (self._owed or self._replying)

    def played_out(self) -> None:
        """Everything the caller has to say has been sent."""
        self._played_out = True

    def note(self, event: Event) -> None:
        """Take what was heard into account."""
        match event:
            case UserSpeechStarted() | UserWord():
                self._owed = True
            case UserTurnDiscarded():
                self._owed = False
            case ReplyStarted():
                self._owed, self._replying = False, True
            case ReplyEnded(complete=True):
                self._owed = self._replying = False
                self.replies += 1
            case ReplyEnded(complete=False):
                self._replying = False
            case _:
                pass
