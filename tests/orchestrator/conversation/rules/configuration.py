"""The session's settings may change at any time."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import CancelCause, CancelReply, ReplyHeldNotice, TurnEndedNotice
from orchestrator.conversation.events import SessionConfigured, UserTyped
from tests.orchestrator.conversation.notation import (
    ANSWERED,
    ASKED,
    PLAYING,
    SILENCE,
    TYPED,
    assistant,
    audio,
    prepare,
    release,
    speech,
    started,
    stopped,
    system,
    user,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script, time_passes

HI = TurnEndedNotice("item_1", "Hi.", TYPED)

CONFIGURATION = Rule(
    "Reconfiguration",
    "Settings that are left out stay as they are. Instructions, voice and the kind of replies count from the next "
    "reply on; the numbers of turn taking at once.",
    (
        script(
            "Each reply is prepared with the instructions and the voice of its time; the history stays",
            at(0.10, SessionConfigured(instructions="Be kind.", voice="carla")),
            at(0.20, SessionConfigured(voice="dora")),
            at(
                0.50,
                UserTyped("Hi."),
                HI,
                prepare("reply_1", "item_2", system("Be kind."), user("Hi."), voice="dora"),
            ),
            at(0.60, SessionConfigured(instructions="Be brief.", policy=Policy(spoken=False))),
            at(
                0.70,
                UserTyped("Well?"),
                CancelReply("reply_1", CancelCause.TYPED, "", 0.0),
                TurnEndedNotice("item_3", "Well?", TYPED),
                prepare("reply_2", "item_4", system("Be brief."), user("Hi. Well?"), voice="dora", spoken=False),
            ),
        ),
        script(
            "Instructions and a voice can be taken away",
            at(0.10, SessionConfigured(instructions="Be kind.", voice="carla")),
            at(0.20, SessionConfigured(instructions="", voice="")),
            at(0.50, UserTyped("Hi."), HI, prepare("reply_1", "item_2", user("Hi."))),
        ),
        script(
            "A reply that is alive stays spoken when text is asked for",
            at(1.50, SessionConfigured(policy=Policy(spoken=False))),
            at(2.00, audio("reply_1", 0.16), release("reply_1", 0.0, 0.16)),
            given=ASKED,
        ),
        script(
            "A longer lead takes effect at once",
            at(2.10, SessionConfigured(policy=Policy(pacing_lead=0.64)), release("reply_1", 0.40, 0.32)),
            nothing(until=2.15),
            given=(*ASKED, at(2.0, audio("reply_1", 2.0)), time_passes(until=2.09)),
        ),
        script(
            "So does a silence time-out that has already passed",
            at(
                60.0,
                SessionConfigured(policy=Policy(silence_timeout=7.0)),
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", "...", SILENCE),
                prepare("reply_2", "item_4", user("Well?"), assistant("One two three four."), user("...")),
            ),
            given=(*ANSWERED, time_passes(until=59.0)),
        ),
        script(
            "So does the choice to be interruptible",
            at(2.60, speech),
            at(2.65, SessionConfigured(policy=Policy(uninterruptible_window=0.0))),
            at(2.68, speech, ReplyHeldNotice("reply_1", 0.68), started("item_3")),
            given=ANSWERED,
            unseen=PLAYING,
        ),
        script(
            "A time-out that is withdrawn is withdrawn",
            at(11.00, SessionConfigured(policy=Policy())),
            nothing(until=60.0),
            given=(*ANSWERED, time_passes(until=10.0)),
            policy=Policy(silence_timeout=7.0),
        ),
        script(
            "One that is prolonged is prolonged",
            at(11.00, SessionConfigured(policy=Policy(silence_timeout=20.0))),
            due(
                24.68,
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", "...", SILENCE),
                prepare("reply_2", "item_4", user("Well?"), assistant("One two three four."), user("...")),
            ),
            given=(*ANSWERED, time_passes(until=10.0)),
            policy=Policy(silence_timeout=7.0),
        ),
    ),
)
