"""The numbers of turn taking, and the choices a session may make about them."""

from dataclasses import dataclass

SAMPLE_RATE = 24_000
"""Samples a second of reply audio and of the microphone, as the core counts them."""

FRAME_SAMPLES = 1_920
"""Samples of the 80 ms frame in which reply audio is released."""

SILENCE_MARK = "..."
"""The transcript's text for a long silence of the person. The prompt explains it to the model."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one conversation is held. All times are seconds, all scores probabilities."""

    greeting: bool = False
    """The model speaks first, once there are instructions and the microphone is open."""

    goodbye: bool = False
    """A reply that ends with `goodbye_ending` ends the conversation."""

    silence_timeout: float = 0.0
    """After this long a silence in *waiting* the model speaks again. 0: never."""

    pacing_lead: float = 0.32
    """How far ahead of playback reply audio is released. Four frames absorb the jitter of a busy network."""

    confirmation_time: float = 1.0
    """How long detected speech holds a reply while no word confirms it. 0: detection alone cancels."""

    spoken: bool = True
    """Replies are synthesised; otherwise they are text only."""

    manual_turns: bool = False
    """The client says when a turn is over, and no pause does."""

    pause_threshold: float = 0.6
    """Above this pause score the person has stopped."""

    speech_threshold: float = 0.4
    """Below this pause score the person is speaking. Between the two nothing changes.

    Parley's own recogniser shapes its scores around the same two numbers (`stt_proxy.recognition.pauses`); other
    engines score in ways of their own. Change both places together, or pauses take longer than documented.
    """

    uninterruptible_window: float = 3.0
    """Detected speech does not interrupt the session's first reply until it has been heard for this long: an echo
    canceller needs that time to learn. A recognised word still does."""

    flush_timeout: float = 1.0
    """How long the recogniser may take to answer a flush before the turn ends with the words there are."""

    unconfirmed_limit: float = 3.0
    """Detected speech holds a reply for at most this long while the recogniser has sent neither a word nor a partial.
    After a partial the limit is `wordless_limit`, since the recogniser commits a long first word late."""

    end_of_turn_delay: float = 0.0
    """How long after a pause a turn stays open for the person to continue, whatever the words are."""

    unfinished_delay: float = 0.9
    """The same for words that read as unfinished: "I would like to". A session sets both by its `eagerness`."""

    dictation_delay: float = 0.9
    """The same for digits and letters, which people read out in groups."""

    speculative: bool = False
    """A reply is prepared when the person pauses, while their last words are awaited: the *speculative* reply. It is
    dropped if they say more."""

    speculative_replies_a_turn: int = 3
    """How many speculative replies one turn may have."""

    language: str = ""
    """The language the person speaks, as a BCP 47 tag. Empty: not known."""

    ignore_backchannels: bool = False
    """A reply continues when the person only acknowledges it ("mm-hm")."""

    interruption_words: int = 1
    """A reply also continues when the person has said fewer words than this."""

    silence_prompts: int = 3
    """After so many replies to silence the next silence ends the conversation. 0: never."""

    wordless_limit: float = 8.0
    """Detected speech without a word for this long is noise. A recogniser commits the first word within a second."""

    unheard_limit: float = 10.0
    """While no recogniser listens, missing words decide nothing for at most this long."""

    catch_up_limit: float = 0.5
    """How long a reply waits, when the conversation goes on elsewhere, for the recogniser to hear what was said in the
    meantime: the person may have begun to speak."""

    mute_timeout: float = 1.0
    """A microphone that sends nothing for this long counts as a pause: a muted client sends no audio to score."""

    settle_time: float = 1.0
    """*Waiting* begins this long after a reply's last audio was released, which the listener has yet to hear."""

    goodbye_ending: str = "bye!"
    """The ending of a reply that says goodbye. Upper and lower case are the same."""

    voice_tries: int = 6
    """How many syntheses a reply may lose, one after the other, before it is given up."""

    voice_limit: float = 5.0
    """For how long after the loss of a synthesis others are tried, if none gives any sound."""

    text_tries: int = 2
    """How often the language model is asked for the rest of a reply that it broke off."""

    apology: str = "Sorry, I lost my train of thought. Could you say that again?"
    """What is said instead of a reply when the language model fails. A session has it in its language."""

    first_temperature: float = 0.7
    """The sampling temperature of the first reply: greetings should differ."""

    temperature: float = 0.3
    """The sampling temperature of the others."""
