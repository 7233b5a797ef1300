"""Speech through the proxy, to a server with OpenAI's audio API."""

from mesh.settings import load
from stt_proxy.engine import ENGINES
from stt_proxy.engines.openai.plugin import PLUGIN, OpenAiSttSettings
from tests.openai_audio.server import AudioOptions, AudioServer
from tests.stt_proxy.engines.openai.test_engine import opened, speech
from tests.stt_proxy.hearing import frames
from tests.stt_proxy.proxy import audio, config, finish, flush, serving


async def test_speech_is_heard_and_a_flush_answered() -> None:
    options = AudioOptions(transcript={"text": "a cup of tea"})
    async with AudioServer(options).serving() as server, opened(server) as engine, serving(engine) as proxy:
        sent = [audio(frame) for frame in frames(speech())]
        responses = await proxy.told(config(), *sent, flush(7), finish())
    words = [each.word.text for each in responses if each.HasField("word")]
    assert words == ["a", "cup", "of", "tea"]
    assert [each.flushed.flush_id for each in responses if each.HasField("flushed")] == [7]


def test_a_url_chooses_the_engine() -> None:
    assert ENGINES.choose({"PARLEY_STT_OPENAI_URLS": "http://gpu:8000"}).plugin.name == "openai"
    assert ENGINES.choose({"PARLEY_STT_WYOMING_URLS": "tcp://ear:10300"}).plugin.name == "wyoming"


async def test_doctor_asks_the_server() -> None:
    async with AudioServer().serving() as server:
        (finding,) = await PLUGIN.check(load(OpenAiSttSettings, {"PARLEY_STT_OPENAI_URLS": f"{server.url}/v1"}))
    assert finding.state == "fine"
