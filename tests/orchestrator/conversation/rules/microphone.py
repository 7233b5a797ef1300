"""A microphone that falls silent for good."""

from orchestrator.conversation.actions import RequestFlush, SpeechStoppedNotice, TurnDiscardedNotice, TurnEndedNotice
from orchestrator.conversation.events import Flushed
from tests.orchestrator.conversation.notation import (
    DETECTED,
    microphone,
    prepare,
    speech,
    started,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script

MUTED = Rule(
    "A muted microphone",
    "Pause scores need audio, and a muted client sends none: a microphone that has sent nothing for 1 s has paused.",
    (
        script(
            "A second after the last sample the turn is taken to have paused there",
            at(1.40, microphone(1.4)),
            at(1.50, speech, started("item_1")),
            at(1.70, word("Hello."), user_word("item_1", "Hello.")),
            at(1.80, microphone(0.2)),
            due(2.80, SpeechStoppedNotice("item_1", 1.6, DETECTED), RequestFlush(1)),
            at(
                2.90,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                prepare("reply_1", "item_2", user("Hello.")),
            ),
            microphone_is_open=False,
        ),
        script(
            "Without words it was noise",
            at(0.00, microphone(1.6)),
            at(0.50, speech, started("item_1")),
            due(1.00, SpeechStoppedNotice("item_1", 1.6, DETECTED), RequestFlush(1)),
            due(2.00, TurnDiscardedNotice("item_1")),
            nothing(until=60.0),
            microphone_is_open=False,
        ),
        script(
            "As long as it sends it has not paused",
            at(0.00, microphone(0.08)),
            at(0.50, speech, started("item_1")),
            at(0.90, microphone(0.08)),
            at(1.80, microphone(0.08)),
            due(2.80, SpeechStoppedNotice("item_1", 0.24, DETECTED), RequestFlush(1)),
            microphone_is_open=False,
        ),
    ),
)
