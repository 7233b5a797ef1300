"""When a reply's audio is sent, and when its words are told."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import ReplyFinishedNotice, ReplyReleasedNotice, ReplyWordNotice
from orchestrator.conversation.events import ReplyAudioCompleted, ReplyTextArrived, ReplyTextCompleted, ReplyWordTimed
from tests.orchestrator.conversation.notation import ASKED, audio, release
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script

WRITTEN = (*ASKED, at(1.9, ReplyTextArrived("reply_1", " Hello.")), at(1.9, ReplyTextCompleted("reply_1")))
"""reply_1 is written: "Hello."."""

PACING = Rule(
    "Pacing",
    "Audio is sent in frames of 80 ms, each as soon as the last of it is within the lead, 0.32 s, of what is being "
    "heard: four frames at once and then one frame every 80 ms.",
    (
        script(
            "Four frames ahead, then one every 80 ms",
            at(2.00, audio("reply_1", 0.64), release("reply_1", 0.00, 0.32)),
            due(2.08, release("reply_1", 0.32, 0.08)),
            due(2.16, release("reply_1", 0.40, 0.08)),
            due(2.24, release("reply_1", 0.48, 0.08)),
            due(2.32, release("reply_1", 0.56, 0.08)),
            nothing(until=60.0),
            given=WRITTEN,
        ),
        script(
            "Audio that arrives slowly, but ahead of the listener, is sent on at once",
            at(2.00, audio("reply_1", 0.08), release("reply_1", 0.00, 0.08)),
            at(2.03, audio("reply_1", 0.08), release("reply_1", 0.08, 0.08)),
            at(2.12, audio("reply_1", 0.24), release("reply_1", 0.16, 0.24)),
            at(2.14, audio("reply_1", 0.16)),
            due(2.16, release("reply_1", 0.40, 0.08)),
            due(2.24, release("reply_1", 0.48, 0.08)),
            given=WRITTEN,
        ),
        script(
            "Less than a frame waits for the rest of it, or for the end",
            at(2.00, audio("reply_1", 0.05)),
            at(2.10, audio("reply_1", 0.05), release("reply_1", 0.00, 0.08)),
            at(
                2.12,
                ReplyAudioCompleted("reply_1"),
                release("reply_1", 0.08, 0.02),
                ReplyReleasedNotice("reply_1", "Hello.", 0.1),
            ),
            due(2.20, ReplyFinishedNotice("reply_1", "Hello.")),
            given=WRITTEN,
        ),
        script(
            "The end, shorter than a frame, is sent as late as a frame would be",
            at(2.00, audio("reply_1", 0.35), release("reply_1", 0.00, 0.32)),
            at(2.01, ReplyAudioCompleted("reply_1")),
            due(2.03, release("reply_1", 0.32, 0.03), ReplyReleasedNotice("reply_1", "Hello.", 0.35)),
            due(2.35, ReplyFinishedNotice("reply_1", "Hello.")),
            given=WRITTEN,
        ),
        script(
            "When synthesis falls behind, the listener's clock stands still until there is more",
            at(2.00, audio("reply_1", 0.16), release("reply_1", 0.00, 0.16)),
            at(2.50, audio("reply_1", 0.48), release("reply_1", 0.16, 0.32)),
            due(2.58, release("reply_1", 0.48, 0.08)),
            due(2.66, release("reply_1", 0.56, 0.08)),
            given=WRITTEN,
        ),
        script(
            "A session may ask for another lead",
            at(2.00, audio("reply_1", 1.20), release("reply_1", 0.00, 0.96)),
            due(2.04, release("reply_1", 0.96, 0.08)),
            due(2.12, release("reply_1", 1.04, 0.08)),
            due(2.20, release("reply_1", 1.12, 0.08)),
            given=WRITTEN,
            policy=Policy(pacing_lead=1.0),
        ),
        script(
            "The least lead there is: a frame, sent when it is needed",
            at(2.03, audio("reply_1", 0.24), release("reply_1", 0.00, 0.08)),
            due(2.11, release("reply_1", 0.08, 0.08)),
            due(2.19, release("reply_1", 0.16, 0.08)),
            given=WRITTEN,
            policy=Policy(pacing_lead=0.08),
        ),
    ),
)

WORDS = Rule(
    "The words of a reply",
    "A word is told when it begins to be heard.",
    (
        script(
            "Words are told when they are heard, not when they are synthesised",
            at(1.95, ReplyWordTimed("reply_1", "Good", 0.0, 0.1)),
            at(1.95, ReplyWordTimed("reply_1", "day.", 0.1, 0.3)),
            at(
                2.00,
                audio("reply_1", 0.32),
                release("reply_1", 0.00, 0.32),
                ReplyWordNotice("reply_1", "Good", 0.0, 0.1),
            ),
            due(2.10, ReplyWordNotice("reply_1", "day.", 0.1, 0.3)),
            given=WRITTEN,
        ),
        script(
            "What is due at the same time comes in order: audio, then words as they were timed",
            at(1.95, ReplyWordTimed("reply_1", "Good", 0.0, 0.16)),
            at(1.95, ReplyWordTimed("reply_1", "day", 0.16, 0.32)),
            at(1.95, ReplyWordTimed("reply_1", "to", 0.16, 0.32)),
            at(1.95, ReplyWordTimed("reply_1", "all.", 0.16, 0.32)),
            at(
                2.00,
                audio("reply_1", 0.56),
                release("reply_1", 0.00, 0.32),
                ReplyWordNotice("reply_1", "Good", 0.0, 0.16),
            ),
            due(2.08, release("reply_1", 0.32, 0.08)),
            due(
                2.16,
                release("reply_1", 0.40, 0.08),
                ReplyWordNotice("reply_1", "day", 0.16, 0.32),
                ReplyWordNotice("reply_1", "to", 0.16, 0.32),
                ReplyWordNotice("reply_1", "all.", 0.16, 0.32),
            ),
            due(2.24, release("reply_1", 0.48, 0.08)),
            given=WRITTEN,
        ),
        script(
            "A word that is timed after its audio was heard is told at once",
            at(2.00, audio("reply_1", 0.32), release("reply_1", 0.00, 0.32)),
            at(2.20, ReplyWordTimed("reply_1", "Good", 0.0, 0.1), ReplyWordNotice("reply_1", "Good", 0.0, 0.1)),
            given=WRITTEN,
        ),
        script(
            "A word whose audio is late is told late",
            at(2.00, audio("reply_1", 0.16), release("reply_1", 0.00, 0.16)),
            at(2.00, ReplyWordTimed("reply_1", "day.", 0.2, 0.3)),
            at(2.50, audio("reply_1", 0.16), release("reply_1", 0.16, 0.16)),
            due(2.54, ReplyWordNotice("reply_1", "day.", 0.2, 0.3)),
            given=WRITTEN,
        ),
        script(
            "A word beyond the end of the audio is told at its end",
            at(2.00, audio("reply_1", 0.16), release("reply_1", 0.00, 0.16)),
            at(2.00, ReplyWordTimed("reply_1", "day.", 0.2, 0.3)),
            at(2.02, ReplyAudioCompleted("reply_1")),
            due(
                2.16,
                ReplyWordNotice("reply_1", "day.", 0.2, 0.3),
                ReplyReleasedNotice("reply_1", "day.", 0.16),
                ReplyFinishedNotice("reply_1", "day."),
            ),
            given=WRITTEN,
        ),
    ),
)

RELEASED = Rule(
    "Released and finished",
    "A reply is released when all its audio and words have been sent, and finished when that has been heard.",
    (
        script(
            "The last frame is sent a lead before it has been heard",
            at(2.00, audio("reply_1", 0.48), release("reply_1", 0.00, 0.32)),
            at(2.01, ReplyAudioCompleted("reply_1")),
            due(2.08, release("reply_1", 0.32, 0.08)),
            due(2.16, release("reply_1", 0.40, 0.08), ReplyReleasedNotice("reply_1", "Hello.", 0.48)),
            due(2.48, ReplyFinishedNotice("reply_1", "Hello.")),
            nothing(until=60.0),
            given=WRITTEN,
        ),
        script(
            "It says the words that were spoken, not those that were written",
            at(1.95, ReplyWordTimed("reply_1", "Hullo!", 0.0, 0.1)),
            at(
                2.00,
                audio("reply_1", 0.16),
                release("reply_1", 0.00, 0.16),
                ReplyWordNotice("reply_1", "Hullo!", 0.0, 0.1),
            ),
            at(2.01, ReplyAudioCompleted("reply_1"), ReplyReleasedNotice("reply_1", "Hullo!", 0.16)),
            due(2.16, ReplyFinishedNotice("reply_1", "Hullo!")),
            given=WRITTEN,
        ),
        script(
            "When synthesis ends after all was heard, both come at once",
            at(2.00, audio("reply_1", 0.16), release("reply_1", 0.00, 0.16)),
            at(
                3.00,
                ReplyAudioCompleted("reply_1"),
                ReplyReleasedNotice("reply_1", "Hello.", 0.16),
                ReplyFinishedNotice("reply_1", "Hello."),
            ),
            given=WRITTEN,
        ),
    ),
)
