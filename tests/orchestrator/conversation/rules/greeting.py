"""The model speaks first."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    RequestFlush,
    TurnDiscardedNotice,
    TurnEndedNotice,
    WarnOfLostVoice,
)
from orchestrator.conversation.events import Flushed, ReplyAudioFailed, SessionConfigured, UserTyped
from tests.orchestrator.conversation.notation import (
    DETECTED,
    TYPED,
    WORD,
    answered,
    assistant,
    microphone,
    pause,
    prepare,
    speech,
    started,
    stopped,
    system,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, nothing, script, time_passes

GREETS = Policy(greeting=True)
KIND = SessionConfigured(instructions="Be kind.")
GREETED = (at(0.1, KIND), *answered("reply_1", "Hello there!", 1.0), time_passes(until=3.0))
"""The greeting, reply_1 (item_1), has been heard."""

GREETING = Rule(
    "Greeting",
    "If the session wants a greeting, the model speaks first: as soon as there are instructions and the microphone has "
    "sent something, unless somebody has spoken or typed before.",
    (
        script(
            "It awaits the microphone; the model is told that the person said hello",
            at(0.10, KIND),
            nothing(until=5.0),
            at(5.00, microphone(0.08), prepare("reply_1", "item_1", system("Be kind."), user("Hello!"))),
            policy=GREETS,
            microphone_is_open=False,
        ),
        script(
            "It awaits the instructions",
            at(0.10, microphone(0.08)),
            at(0.20, SessionConfigured(voice="carla")),
            at(
                5.00,
                KIND,
                prepare("reply_1", "item_1", system("Be kind."), user("Hello!"), voice="carla"),
            ),
            policy=GREETS,
            microphone_is_open=False,
        ),
        script(
            "Empty instructions are instructions",
            at(0.10, SessionConfigured(instructions=""), prepare("reply_1", "item_1", user("Hello!"))),
            policy=GREETS,
        ),
        script(
            "Unless the session wants one there is none",
            at(0.10, KIND),
            nothing(until=60.0),
        ),
        script(
            "There is one only",
            at(3.00, KIND),
            nothing(until=60.0),
            given=GREETED,
            policy=GREETS,
        ),
        script(
            "One that fails is not tried again",
            at(0.10, KIND, prepare("reply_1", "item_1", system("Be kind."), user("Hello!"))),
            at(
                0.50,
                ReplyAudioFailed("reply_1", lasting=True),
                WarnOfLostVoice("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
            ),
            at(0.60, KIND),
            nothing(until=60.0),
            policy=GREETS,
        ),
        script(
            "What the person says to the greeting is answered with both in mind",
            at(4.00, word("Hi."), started("item_2", WORD), user_word("item_2", "Hi.")),
            at(4.10, pause, stopped("item_2"), RequestFlush(1)),
            at(
                4.20,
                Flushed(1),
                TurnEndedNotice("item_2", "Hi.", DETECTED),
                prepare(
                    "reply_2",
                    "item_3",
                    system("Be kind."),
                    user("Hello."),
                    assistant("Hello there!"),
                    user("Hi."),
                ),
            ),
            given=GREETED,
            policy=GREETS,
        ),
        script(
            "Who speaks first is not greeted",
            at(1.00, word("Hi."), started("item_1", WORD), user_word("item_1", "Hi.")),
            at(1.05, KIND),
            at(1.10, pause, stopped("item_1"), RequestFlush(1)),
            at(
                1.20,
                Flushed(1),
                TurnEndedNotice("item_1", "Hi.", DETECTED),
                prepare("reply_1", "item_2", system("Be kind."), user("Hi.")),
            ),
            policy=GREETS,
        ),
        script(
            "Who types first is not greeted",
            at(
                1.00,
                UserTyped("Hi."),
                TurnEndedNotice("item_1", "Hi.", TYPED),
                prepare("reply_1", "item_2", user("Hi.")),
            ),
            at(1.05, KIND),
            nothing(until=60.0),
            policy=GREETS,
        ),
        script(
            "Noise delays the greeting",
            at(1.00, speech, started("item_1")),
            at(1.05, KIND),
            at(1.40, pause, stopped("item_1"), RequestFlush(1)),
            at(
                1.50,
                Flushed(1),
                TurnDiscardedNotice("item_1"),
                prepare("reply_1", "item_2", system("Be kind."), user("Hello!")),
            ),
            policy=GREETS,
        ),
    ),
)
