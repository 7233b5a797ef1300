"""The core of a conversation: every decision, and no I/O.

`Conversation` is told what happened and when, and answers with what to do:

    actions = conversation.handle(event, now)      # something happened
    actions = conversation.handle_timeout(now)     # `conversation.deadline` has come

`now` is monotonic seconds since the session started. The core never sees a sample, a socket or a clock; whoever owns
one performs the actions in order and keeps a single timer for `deadline`. Its state is plain dataclasses, so a
conversation can be written down at any moment and go on elsewhere.

Read `policy` for the numbers, `events` and `actions` for the vocabulary, then `conversation` for the rules, which rest
on `turn` (the person's side), `reply` and `playout` (the model's side) and `transcript` (what both have heard).
"""

from orchestrator.conversation.conversation import Conversation
from orchestrator.conversation.policy import Policy
from orchestrator.conversation.state import TRANSITIONS, Phase, State

__all__ = ["TRANSITIONS", "Conversation", "Phase", "Policy", "State"]
