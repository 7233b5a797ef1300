"""What the engines of a laptop hold out in a real mesh: Whisper hears, hibari speaks, and hibari's people talk to it.

Whisper is tiny.en, out of a package that the extra `test` installs.
"""

from collections.abc import Iterator

import pytest

from parley.conversation.v1 import conversation_pb2 as pb
from tests.e2e.mesh import Mesh, running_mesh
from tests.e2e.people import Bridge, bridge
from tests.e2e.recogniser import recognised
from tests.fakes.llm import FakeLlm, written
from tests.natural_speech import say_naturally
from tests.speech import Samples, share_of_words, words

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

QUESTION = "Could you tell me what the weather is like in Chicago?"
STOP = "Stop, please. I want to hear about something else."
ACKNOWLEDGED = "Yeah, okay."
STORY = (
    "Once upon a time there was an old man who lived in a small house near the sea. Every morning he went down to the "
    "water and looked at the ships. One day he saw a boat that he had never seen before. It was white and very long."
)
LONG_REPLY = tuple(f"{word} " for word in STORY.split())


@pytest.fixture(scope="module")
def people() -> dict[str, Samples]:
    """What is said in these tests, by text, as it reaches a microphone."""
    texts = (QUESTION, STOP, ACKNOWLEDGED)
    return dict(zip(texts, say_naturally(*texts), strict=True))


@pytest.fixture(scope="module")
def local_mesh(llm_port: int) -> Iterator[Mesh]:
    """A mesh with the engines of a laptop. How many streams it takes is not what is tested."""
    engines = {"PARLEY_STT_ENGINE": "whisper", "PARLEY_STT_WHISPER_MODEL": "tiny.en", "PARLEY_STT_WHISPER_STREAMS": "2"}
    with running_mesh(
        **engines,
        PARLEY_TTS_ENGINE="local",
        PARLEY_MODELS_NETWORK="0",
        KYUTAI_LLM_URL=f"http://127.0.0.1:{llm_port}",
    ) as running:
        yield running


def config(**session: object) -> pb.ConverseConfig:
    return pb.ConverseConfig(session=pb.SessionConfig(**session))  # type: ignore[arg-type]  # whichever fields


async def _turn(person: Bridge, speech: Samples, within: float = 60.0) -> str:
    """The one turn that something said has become."""
    await person.first("started")
    person.microphone.say(speech)
    await person.first("reply_finished", within=within)
    (turn,) = person.of("user_turn_ended")
    return str(turn.text)


async def test_a_question_is_heard_and_its_answer_understood(
    local_mesh: Mesh, llm: FakeLlm, people: dict[str, Samples]
) -> None:
    answer = "It will be sunny in Chicago, with a gentle wind from the lake."
    llm.script = written(*(f"{word} " for word in answer.split()))
    async with bridge(local_mesh.orchestrator, config()) as person:
        turn = await _turn(person, people[QUESTION])
        speech = person.speech
    assert share_of_words(QUESTION, turn) >= 0.9, turn
    understood = await recognised(local_mesh.stt, speech)
    assert share_of_words(answer, understood) >= 0.9, understood


async def _hear_the_story(person: Bridge, llm: FakeLlm) -> int:
    """Have a long reply begun, past the window in which a first reply cannot be interrupted."""
    llm.script = written(*LONG_REPLY)
    await person.first("started")
    await person.send(text=pb.UserText(text="Tell me a story."))
    at = await person.first("reply_word_spoken")
    for _ in range(14):
        at = await person.first("reply_word_spoken", after=at + 1)
    return at


async def test_who_interrupts_is_heard_and_the_model_knows_what_they_heard(
    local_mesh: Mesh, llm: FakeLlm, people: dict[str, Samples]
) -> None:
    async with bridge(local_mesh.orchestrator, config()) as person:
        before = await _hear_the_story(person, llm)
        person.microphone.say(people[STOP])
        held = await person.first("reply_held", after=before)
        cancelled = await person.first("reply_cancelled", after=held)
        llm.script = written("Certainly.")
        await person.first("reply_finished", after=cancelled)
        old = person.heard.events[cancelled].reply_cancelled
    # Those in between may have been asked before the last word, and dropped.
    messages = await llm.messages(len(llm.requests) - 1)
    shown = old.heard_text
    turn = " ".join(text for role, text in messages[messages.index(("assistant", shown)) :] if role == "user")
    assert old.cause == pb.CANCEL_CAUSE_WORD_RECOGNIZED
    assert 10 <= len(words(shown)) < len(words(STORY))
    assert words(STORY)[: len(words(shown))] == words(shown)
    assert share_of_words(STOP, turn) >= 0.7, turn


async def test_who_acknowledges_hears_the_reply_to_its_end(
    local_mesh: Mesh, llm: FakeLlm, people: dict[str, Samples]
) -> None:
    async with bridge(local_mesh.orchestrator, config(ignore_backchannels=True)) as person:
        before = await _hear_the_story(person, llm)
        person.microphone.say(people[ACKNOWLEDGED])
        heard = await person.first("user_word_recognized", after=before)
        await person.first("reply_finished", after=heard, within=60)
        assert not person.of("reply_cancelled")
        (reply,) = person.of("reply_finished")
    assert words(reply.text) == words(STORY)
    assert len(llm.requests) == 1
