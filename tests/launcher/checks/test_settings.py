from launcher.checks.configuration import settings
from mesh.engines.findings import State
from tests.launcher.checks.conftest import Look


async def test_defaults_are_fine(context: Look) -> None:
    [finding] = await settings(await context())
    assert finding.state is State.FINE


async def test_every_setting_that_does_not_fit(context: Look) -> None:
    findings = await settings(
        await context(PARLEY_TTS_RATE_WPM="fast", PARLEY_EDGE_PORT="many", PARLEY_MESH_STT_TARGET="x")
    )
    assert {(finding.about, finding.state) for finding in findings} == {
        ("PARLEY_TTS_RATE_WPM", State.WRONG),
        ("PARLEY_EDGE_PORT", State.WRONG),
        ("PARLEY_MESH_STT_TARGET", State.WRONG),
    }


async def test_a_variable_that_nobody_reads(context: Look) -> None:
    [finding] = await settings(await context(PARLEY_STT_WORKER="3"))
    assert finding.state is State.ADVICE
    assert finding.found == "PARLEY_STT_WORKER is no setting; did you mean PARLEY_STT_POCKETSPHINX_WORKERS?"
    assert finding.remedy == "rename it to PARLEY_STT_POCKETSPHINX_WORKERS, or unset it"
