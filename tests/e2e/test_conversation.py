"""A spoken question is answered aloud, through five processes."""

import numpy as np
import pytest

from mesh.audio import SAMPLE_RATE
from parley.audio.v1 import audio_pb2
from parley.conversation.v1 import conversation_pb2 as pb
from tests.e2e.mesh import Mesh
from tests.e2e.people import bridge, browser
from tests.e2e.recogniser import recognised
from tests.speech import Samples, say, share_of_words

pytestmark = pytest.mark.e2e

QUESTION = "Good morning. How are you today?"
MULAW = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_MULAW, sample_rate_hertz=8_000)
WIDE = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=16_000)


async def test_over_the_websocket_as_a_browser_does(mesh: Mesh) -> None:
    async with browser(mesh.websocket) as person:
        greeted = await person.first("response.audio.done")
        person.speech.clear()
        person.microphone.say(say(QUESTION))
        created = await person.first("response.created", after=greeted)
        await person.first("response.audio.done", after=created)

        heard = " ".join(event["delta"] for event in person.of("conversation.item.input_audio_transcription.delta"))
        assert share_of_words(QUESTION, heard) >= 0.6, heard

        answer = person.heard.events[created:]
        written = next(event["text"] for event in answer if event["type"] == "response.text.done")
        spoken = " ".join(event["delta"] for event in answer if event["type"] == "response.text.delta")
        assert share_of_words(written, spoken) == 1.0
        await _assert_intelligible(mesh, np.concatenate(person.speech), written)

        history = person.of("unmute.additional_outputs")[-1]["args"]["chat_history"]
        assert [message["role"] for message in history] == ["assistant", "user", "assistant"]
        assert share_of_words(written, history[-1]["content"]) == 1.0


async def test_over_converse_as_a_telephony_bridge_does(mesh: Mesh) -> None:
    config = pb.ConverseConfig(input_format=MULAW, output_format=WIDE)
    async with bridge(mesh.orchestrator, config) as person:
        await person.first("started")
        person.microphone.say(say(QUESTION))
        await person.first("reply_finished")

        (turn,) = person.of("user_turn_ended")
        assert share_of_words(QUESTION, turn.text) >= 0.6, turn.text
        (reply,) = person.of("reply_finished")
        await _assert_intelligible(mesh, person.speech, reply.text)


async def test_a_reply_comes_over_the_telephone_too(mesh: Mesh) -> None:
    async with bridge(mesh.orchestrator, pb.ConverseConfig(typed_only=True, output_format=MULAW)) as person:
        await person.first("started")
        await person.send(text=pb.UserText(text=QUESTION))
        await person.first("reply_finished")
        (reply,) = person.of("reply_released")
        length = reply.audio_duration.ToTimedelta().total_seconds()
        assert len(person.speech) / SAMPLE_RATE == pytest.approx(length, abs=0.01)
        # Speech, not just samples: the embedded recogniser understands too little of any telephone to be the judge.
        assert 0.01 < float(np.sqrt(np.mean(person.speech**2))) < 0.5


async def _assert_intelligible(mesh: Mesh, speech: Samples, text: str) -> None:
    """The recogniser understands at least 60 % of what was to be said."""
    assert len(speech) > SAMPLE_RATE / 2
    understood = await recognised(mesh.stt, speech)
    assert share_of_words(text, understood) >= 0.6, f"said: {text!r}, understood: {understood!r}"
