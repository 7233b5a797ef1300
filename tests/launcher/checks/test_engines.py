from launcher.checks.engines import recogniser, voice
from mesh.engines.findings import State
from standins.stt.engine import SttEngine
from tests.launcher.checks.conftest import Look
from tests.ports import free_port


async def test_moshi_servers_are_asked(context: Look) -> None:
    nobody = free_port()
    async with SttEngine().serving() as engine:
        looked = await context(KYUTAI_STT_URL=f"{engine.url},http://127.0.0.1:{nobody}")
        [answers, silent] = await recogniser(looked)
    assert answers.state is State.FINE
    assert silent.state is State.WRONG
    assert f"127.0.0.1:{nobody} does not answer" in silent.found
    assert "KYUTAI_STT_URL" in (silent.remedy or "")


async def test_what_is_no_moshi_server_is_told(context: Look) -> None:
    async with SttEngine().serving() as engine:
        [finding] = await voice(await context(KYUTAI_TTS_URL=f"{engine.url}/elsewhere"))
    assert finding.state is State.WRONG
    assert "is that a moshi-server?" in (finding.remedy or "")
