"""Replies through the proxy, from a server with OpenAI's audio API."""

import pytest

from mesh.errors import AtCapacity, UpstreamDown, UpstreamMisconfigured, VoiceNotFound
from mesh.settings import load
from standins.faults import Close, Full
from tests.openai_audio.server import AudioOptions, AudioServer
from tests.tts_proxy.engines.openai.test_engine import TEXT, opened
from tests.tts_proxy.proxy import config, finish, heard, serving, text
from tts_proxy.engine import ENGINES
from tts_proxy.engines.openai.plugin import PLUGIN, OpenAiTtsSettings


async def test_a_reply_is_spoken_with_its_words() -> None:
    async with AudioServer().serving() as server, opened(server) as it, serving(engine=it.engine) as proxy:
        reply = await proxy.reply(config("echo"), text(TEXT), finish())
    assert reply.text == TEXT
    assert reply.kinds[0] == "started"
    assert reply.kinds[-1] == "finished"
    assert len(b"".join(reply.frames)) > 24_000
    assert server.speech[0].request["voice"] == "echo"


async def test_a_cancelled_reply_closes_its_request() -> None:
    async with (
        AudioServer(AudioOptions(piece_s=0.05)).serving() as server,
        opened(server) as it,
        serving(engine=it.engine) as proxy,
    ):
        call = await proxy.opened()
        await call.write(text("Internationalisation straightforwardly accomplished."))
        await server.until(lambda: bool(server.speech) and server.speech[0].pieces > 2)
        call.cancel()
        await proxy.engine.all_closed()
        await server.until(lambda: server.speech[0].over)


async def test_refusals_come_before_the_reply_and_failures_in_it() -> None:
    async with (
        AudioServer(AudioOptions(lists_voices=True)).serving() as server,
        opened(server, capacity=1) as it,
        serving(engine=it.engine) as proxy,
    ):
        with pytest.raises(VoiceNotFound):
            await proxy.opened("en-us-heart")
        first = await proxy.opened()
        with pytest.raises(AtCapacity):
            await proxy.opened()
        server.break_down(Close(after=3, how="reset"))
        await first.write(text(TEXT))
        await first.write(finish())
        with pytest.raises(UpstreamDown):
            await heard(first)
        server.break_down(Full())
        with pytest.raises(AtCapacity):
            await proxy.reply(config(), text(TEXT), finish())


async def test_a_wrong_key_refuses_the_reply() -> None:
    async with (
        AudioServer(AudioOptions(keys=("right",))).serving() as server,
        opened(server, key="wrong") as it,
        serving(engine=it.engine) as proxy,
    ):
        with pytest.raises(UpstreamMisconfigured, match="refuses the key"):
            await proxy.opened()


def test_a_url_chooses_the_engine() -> None:
    choice = ENGINES.choose({"PARLEY_TTS_OPENAI_URLS": "http://gpu:8880/v1"})
    assert choice.plugin.name == "openai"
    assert choice.why == "its server is configured"


async def test_doctor_asks_the_server() -> None:
    async with AudioServer(AudioOptions(keys=("right",), models=("kokoro",))).serving() as server:

        async def found(**more: str) -> tuple[str, str]:
            environ = {"PARLEY_TTS_OPENAI_URLS": server.url, "PARLEY_TTS_OPENAI_MODEL": "kokoro", **more}
            (finding,) = await PLUGIN.check(load(OpenAiTtsSettings, environ))
            return finding.state, finding.found

        assert (await found(PARLEY_TTS_OPENAI_API_KEY="right"))[0] == "fine"
        state, said = await found(PARLEY_TTS_OPENAI_API_KEY="right", PARLEY_TTS_OPENAI_MODEL="tts-1")
        assert (state, "does not list the model tts-1" in said) == ("advice", True)
        state, said = await found()
        assert (state, "refuses the key" in said) == ("wrong", True)
    assert (await found())[0] == "wrong"
