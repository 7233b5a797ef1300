"""Speaking over a reply, through the whole mesh, with real speech."""

import pytest

from mesh.audio import SAMPLE_RATE
from parley.conversation.v1 import conversation_pb2 as pb
from tests.e2e.mesh import Mesh
from tests.e2e.people import Bridge, bridge, browser
from tests.fakes.llm import FakeLlm, written
from tests.speech import cough, onset, say, share_of_words, words

pytestmark = pytest.mark.e2e

STORY = (
    "Once upon a time there was an old man who lived in a small house near the sea. Every morning he went down to the"
    " water and looked at the ships. One day he saw a boat that he had never seen before. It was white and very long."
)
LONG_REPLY = tuple(f"{word} " for word in STORY.split())


def config(**session: object) -> pb.ConverseConfig:
    return pb.ConverseConfig(session=pb.SessionConfig(**session))  # type: ignore[arg-type]  # whichever fields


async def _hear_the_story(person: Bridge, llm: FakeLlm) -> int:
    """Have a long reply begun, past the window in which a first reply cannot be interrupted."""
    llm.script = written(*LONG_REPLY)
    await person.first("started")
    await person.send(text=pb.UserText(text="Tell me a story."))
    fifth = await person.first("reply_word_spoken")
    for _ in range(14):
        fifth = await person.first("reply_word_spoken", after=fifth + 1)
    return fifth


@pytest.mark.unmute("S9")
async def test_speech_holds_the_reply_and_a_word_cancels_it(scripted_mesh: Mesh, llm: FakeLlm) -> None:
    async with bridge(scripted_mesh.orchestrator, config()) as person:
        before = await _hear_the_story(person, llm)
        speech = say("Stop please. What is your name?")
        begins = person.microphone.say(speech)
        held = await person.first("reply_held", after=before)
        cancelled = await person.first("reply_cancelled", after=held)

        # In audio time, which no busy machine stretches.
        noticed = person.of("user_speech_started")[0].offset.ToTimedelta().total_seconds()
        assert noticed - (begins + onset(speech)) / SAMPLE_RATE < 0.45
        old = person.heard.events[cancelled].reply_cancelled
        assert old.cause == pb.CANCEL_CAUSE_WORD_RECOGNIZED

        llm.script = written("Parley.")
        finished = await person.first("reply_finished", after=cancelled)
        for event in person.heard.events[held:finished]:
            assert not (event.HasField("reply_audio") and event.reply_audio.reply_id == old.reply_id)

        # What the model is shown of the story is what had been said of it by then, and no more.
        (_, shown), (_, turn) = (await llm.messages(1))[-2:]
        assert shown == old.heard_text
        assert words(STORY)[: len(words(shown))] == words(shown)
        spoken = [word.text for word in person.of("reply_word_spoken") if word.reply_id == old.reply_id]
        assert len(words(shown)) <= len(words(" ".join(spoken)))
        assert share_of_words("stop please what is your name", turn) >= 0.4


async def test_a_cough_never_cancels(scripted_mesh: Mesh, llm: FakeLlm) -> None:
    async with bridge(scripted_mesh.orchestrator, config()) as person:
        before = await _hear_the_story(person, llm)
        for seed in range(3):
            person.microphone.say(cough(seed))
            await person.microphone.silence()
            before = await person.first("reply_word_spoken", after=before + 5)
        await person.first("reply_finished", within=40)

        assert not person.of("reply_cancelled")
        assert len(person.of("reply_resumed")) == len(person.of("reply_held"))
        (reply,) = person.of("reply_finished")
        assert words(reply.text) == words(STORY)


async def test_a_cough_does_not_interrupt_a_browser_either(scripted_mesh: Mesh, llm: FakeLlm) -> None:
    llm.script = written(*LONG_REPLY)
    async with browser(scripted_mesh.websocket) as person:
        word = 0
        for _ in range(18):
            word = await person.first("response.text.delta", after=word + 1)
        person.microphone.say(cough())
        await person.first("response.audio.done", within=40)
        assert not person.of("unmute.interrupted_by_vad")


@pytest.mark.unmute("S9")
async def test_old_audio_stops_at_the_edge(scripted_mesh: Mesh, llm: FakeLlm) -> None:
    """In Unmute's dialect detection alone cancels; what the page then still gets of the old reply is one flush."""
    llm.script = written(*LONG_REPLY)
    async with browser(scripted_mesh.websocket) as person:
        word = 0
        for _ in range(18):
            word = await person.first("response.text.delta", after=word + 1)
        person.microphone.say(say("Stop please. What is your name?"))
        interrupted = await person.first("unmute.interrupted_by_vad", after=word)
        at = person.heard.entries[interrupted][0]

        llm.script = written("Parley.")
        created = await person.first("response.created", after=interrupted)
        between = person.heard.entries[interrupted:created]
        late = [
            time - at for time, event in between if event["type"] in ("response.audio.delta", "response.text.delta")
        ]
        assert all(after < 0.04 for after in late), late
        await person.first("response.audio.done", after=created)
