"""The core of a conversation: every decision, and no I/O.

`Conversation` takes in what happened and when, and returns what to do:

    actions = conversation.handle(event, now)      # something happened
    actions = conversation.handle_timeout(now)     # `conversation.deadline` has come

`now` is monotonic seconds since the session started. The core never sees a sample, a socket or a clock; the shell,
which owns them, performs the actions in order and keeps a single timer for `deadline`. Its state is plain dataclasses,
so a conversation can be written down at any moment and go on elsewhere.

Read `policy` for the numbers, `events` and `actions` for the vocabulary, then `conversation` for the rules, which rest
on `state` (all that is known, the person's `Turn` included), `reply` and `playout` (the model's side) and `transcript`
(what both have heard). `wording` judges whether a turn reads as finished.

Names follow one rule. An event is something that happened and ends in a participle (`WordRecognized`). An action is
either an order to the shell, an imperative (`ReleaseAudio`), or a message to the client, with the suffix `Notice`
(`UserWordNotice`). The shell acts on a few notices too: it lets go of a finished reply, for example. Code that decides
an action passes it to `do` at once; no function returns or yields actions for its caller to pass on.
"""

from orchestrator.conversation.conversation import Conversation
from orchestrator.conversation.policy import Policy
from orchestrator.conversation.state import TRANSITIONS, Phase, State

__all__ = ["TRANSITIONS", "Conversation", "Phase", "Policy", "State"]
