"""Replies through the proxy, from a server made of `wyoming`'s own classes."""

from mesh.settings import load
from tests.tts_proxy.engines.wyoming.test_engine import TEXT, opened
from tests.tts_proxy.proxy import config, finish, serving, text
from tests.wyoming_client.server import WyomingServer, running
from tts_proxy.engine import ENGINES
from tts_proxy.engines.wyoming.plugin import PLUGIN, WyomingTtsSettings


async def test_a_reply_is_spoken_with_its_words() -> None:
    async with running(WyomingServer()) as server, opened(server.url) as engine, serving(engine=engine) as proxy:
        reply = await proxy.reply(config("amy"), text(TEXT), finish())
    assert reply.text == TEXT
    assert reply.kinds[-1] == "finished"
    assert len(b"".join(reply.frames)) > 24_000


def test_a_url_chooses_the_engine() -> None:
    assert ENGINES.choose({"PARLEY_TTS_WYOMING_URLS": "tcp://piper:10200"}).plugin.name == "wyoming"


async def test_doctor_asks_the_server() -> None:
    async with running(WyomingServer()) as server:
        settings = load(WyomingTtsSettings, {"PARLEY_TTS_WYOMING_URLS": server.url})
        (finding,) = await PLUGIN.check(settings)
        assert (finding.state, "offers mouth" in finding.found) == ("fine", True)
        server.tts = False
        (finding,) = await PLUGIN.check(settings)
        assert (finding.state, "offers no tts" in finding.found) == ("wrong", True)
    (finding,) = await PLUGIN.check(settings)
    assert finding.state == "wrong"
