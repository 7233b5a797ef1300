"""A person who is listened to by a real recogniser and a real conversation, in simulated time.

The recogniser is Whisper tiny.en, out of a package that the extra `test` installs; each of its decodings takes what it
takes on a slow laptop, however busy the machine is that tests. What tiny.en cannot do is tried with Whisper base, where
that was fetched (`parley models fetch`), or where PARLEY_TESTS_REQUIRE names `base`: then it is fetched here.
"""

import re
import tempfile
from collections.abc import Sequence

import pytest

from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.engines.weights import WeightsSettings, WeightStore
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.conversation import Conversation
from orchestrator.conversation.policy import Policy
from stt_proxy.engine import Event, Flushed, Partial, Pause, Word
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.windowed.decoder import Decoding
from stt_proxy.windowed.transcription import Window
from tests.natural_speech import say_naturally, whispered, with_pauses
from tests.speech import Samples, say, share_of_words, words
from tests.stt_proxy.hearing import microphone, silence
from tests.stt_proxy.windowed.simulated import SimulatedStream
from tests.whisper_base import BASE, whisper_base

DECODING_S = 0.8
FLUSH_LIMIT_S = 2.0
QUESTION = "Could you tell me what the weather is like in Chicago?"
STOP = "Stop, please. I want to hear about something else."
ACKNOWLEDGED = "Yeah, okay."
SPANISH = "Buenos días. ¿Qué tiempo hace hoy en Madrid?"
DIGITS = ("five five five", "zero one two", "seven eight nine four")
HESITANT = ("I would like to", "book a table for two people.")
STORY = (
    "Once upon a time there was an old man who lived in a small house near the sea. Every morning he went down to the "
    "water and looked at the ships. One day he saw a boat that he had never seen before. It was white and very long."
)


@pytest.fixture(scope="module")
def model() -> WhisperModel:
    tiny = MODELS["tiny.en"]
    found = WeightStore(WeightsSettings(models_folder=tempfile.gettempdir(), models_network=False)).find(tiny.weights)
    assert found is not None, "install the extra test"
    return WhisperModel(found.folder, 1, tiny.shortest)


@pytest.fixture(scope="module")
def base() -> WhisperModel:
    folder = whisper_base()
    if folder is None:
        pytest.skip("Whisper base is not here: parley models fetch whisper-base")
    return WhisperModel(folder, 1, BASE.shortest)


class Listened:
    """A conversation whose model tells a story, and what came of it."""

    def __init__(self, model: WhisperModel, policy: Policy) -> None:
        self.actions: list[act.Action] = []
        self._model = model
        self._conversation = Conversation()
        self._due: float | None = None
        self._stream = SimulatedStream(self._decoded, lambda _: DECODING_S, self._heard, width=1)
        self._tell(ev.SessionConfigured(policy, "Be brief."))
        self._tell(ev.RecognizerChanged(FLUSH_LIMIT_S))

    def hear(self, *sounds: Samples) -> None:
        self._stream.hear(microphone(*sounds), before=self._sampled)

    def type(self, text: str) -> None:
        self._tell(ev.UserTyped(text))

    @property
    def turns(self) -> list[str]:
        return [each.text for each in self.actions if isinstance(each, act.TurnEndedNotice)]

    @property
    def cancelled(self) -> list[act.CancelReply]:
        return [each for each in self.actions if isinstance(each, act.CancelReply)]

    @property
    def finished(self) -> list[str]:
        return [each.text for each in self.actions if isinstance(each, act.ReplyFinishedNotice)]

    def _decoded(self, window: Window) -> Decoding:
        made = self._model.decode(window.samples, window.language, window.likely)
        return Decoding(made.said, made.language, made.certainty)

    def _sampled(self, frame: bytes) -> None:
        self._tell(ev.MicrophoneAudioArrived(len(frame) // SAMPLE_BYTES))

    def _heard(self, event: Event) -> None:
        match event:
            case Word(text, start_s, end_s):
                self._tell(ev.WordRecognized(text, start_s, end_s))
            case Partial(text, _):
                self._tell(ev.PartialRecognized(text))
            case Pause(probability, heard_s):
                self._tell(ev.PauseScored(probability, heard_s))
            case Flushed(flush_id):
                self._tell(ev.Flushed(flush_id))

    def _tell(self, event: ev.Event) -> None:
        self._perform(self._conversation.handle(event, self._stream.agenda.now))

    def _pass(self, deadline: float) -> None:
        if deadline != self._due:
            return
        self._due = None
        self._perform(self._conversation.handle_timeout(self._stream.agenda.now))

    def _perform(self, actions: Sequence[act.Action]) -> None:
        self.actions += actions
        for action in actions:
            match action:
                case act.RequestFlush(flush_id):
                    self._stream.flush(flush_id)
                case act.PrepareReply(reply_id=reply_id):
                    self._prepare(reply_id)
                case _:
                    pass
        deadline = self._conversation.deadline
        if deadline is not None and deadline != self._due:
            self._due = deadline
            self._stream.agenda.at(max(deadline, self._stream.agenda.now), lambda: self._pass(deadline))

    def _prepare(self, reply_id: str) -> None:
        """Tell the story, of which there is all soon after."""
        told = STORY.split()
        length_s = 0.3

        def come() -> None:
            for number, word in enumerate(told):
                self._tell(ev.ReplyTextArrived(reply_id, f" {word}"))
                start = number * length_s
                self._tell(ev.ReplyWordTimed(reply_id, word, start, start + length_s))
            self._tell(ev.ReplyTextCompleted(reply_id))
            self._tell(ev.ReplyAudioArrived(reply_id, round(len(told) * length_s * SAMPLE_RATE)))
            self._tell(ev.ReplyAudioCompleted(reply_id))

        self._stream.agenda.at(self._stream.agenda.now + 0.3, come)


@pytest.fixture
def person(model: WhisperModel) -> Listened:
    return Listened(model, Policy(ignore_backchannels=True))


def test_dictated_digits_are_one_turn(person: Listened) -> None:
    person.hear(silence(0.5), with_pauses(say_naturally(*DIGITS), 0.6), silence(3))
    (turn,) = person.turns
    digits = "".join(each for each in turn if each.isdigit())
    assert digits == "5550127894" or share_of_words(" ".join(DIGITS), turn) >= 0.9, turn


def test_a_phrase_that_is_unfinished_waits_for_the_rest(person: Listened) -> None:
    person.hear(silence(0.5), with_pauses(say_naturally(*HESITANT), 0.9), silence(3))
    (turn,) = person.turns
    assert share_of_words(" ".join(HESITANT), turn) >= 0.9, turn


def test_a_whisper_is_heard(person: Listened) -> None:
    person.hear(silence(0.5), whispered(say_naturally(QUESTION)[0]), silence(3))
    (turn,) = person.turns
    assert share_of_words(QUESTION, turn) >= 0.6, turn


def test_who_interrupts_is_heard_and_the_reply_ends(person: Listened) -> None:
    person.type("Tell me a story.")
    person.hear(silence(6), *say_naturally(STOP), silence(3))
    assert [each.cause for each in person.cancelled] == [act.CancelCause.WORD_RECOGNIZED]
    heard = person.cancelled[0].heard_text
    assert words(STORY)[: len(words(heard))] == words(heard)
    assert 10 <= len(words(heard)) <= 30
    _, turn = person.turns
    assert share_of_words(STOP, turn) >= 0.8, turn


def test_who_acknowledges_hears_the_reply_to_its_end(person: Listened) -> None:
    person.type("Tell me a story.")
    person.hear(silence(6), *say_naturally(ACKNOWLEDGED), silence(14))
    assert not person.cancelled
    assert any(isinstance(each, act.ReplyHeldNotice) for each in person.actions)
    assert len(person.turns) == 1
    assert [words(each) for each in person.finished] == [words(STORY)]


@pytest.mark.base
@pytest.mark.timeout(300)
def test_two_languages_in_one_conversation(base: WhisperModel) -> None:
    """Nobody says which: the recogniser finds out, for each turn."""
    person = Listened(base, Policy(end_of_turn_delay=0.5))
    spanish = say(SPANISH, voice="roa/es", rate=150)
    person.hear(silence(0.5), *say_naturally(QUESTION), silence(3), spanish, silence(3))
    english, other = person.turns
    assert share_of_words(QUESTION, english) >= 0.9, english
    assert share_of_letters(SPANISH, other) >= 0.7, other


@pytest.mark.base
@pytest.mark.parametrize("said", ["Mhm.", "Uh-huh.", "Okay, sure."])
def test_whoever_only_says_mhm_to_the_default_recogniser_hears_the_reply_to_its_end(
    base: WhisperModel, said: str
) -> None:
    person = Listened(base, Policy(ignore_backchannels=True))
    person.type("Tell me a story.")
    person.hear(silence(6), *say_naturally(said), silence(14))
    assert not person.cancelled
    assert [words(each) for each in person.finished] == [words(STORY)]


def share_of_letters(expected: str, heard: str) -> float:
    """`share_of_words` for words of any letters."""
    wanted, found = (re.findall(r"\w+", text.lower()) for text in (expected, heard))
    return sum(word in found for word in wanted) / len(wanted)
