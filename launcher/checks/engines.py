"""Whether the embedded engines are installed, and work."""

from launcher.checks.finding import Finding, fine, wrong
from launcher.checks.situation import Situation
from launcher.checks.trial import attempt
from launcher.engines import RECOGNISER, VOICE, EmbeddedEngine
from mesh.extras import MissingExtra

_LIMIT_S = 45.0
"""Half a second is usual; a busy machine with slow disks may need much longer."""


async def embedded_recogniser(situation: Situation) -> list[Finding]:
    """Load the recogniser, and have it hear silence."""
    return [await _tried(RECOGNISER, "recogniser", situation)]


async def embedded_voice(situation: Situation) -> list[Finding]:
    """Have the voice say a word."""
    return [await _tried(VOICE, "voice", situation)]


async def _tried(engine: EmbeddedEngine, trial: str, situation: Situation) -> Finding:
    about = engine.name.removeprefix("the ")
    try:
        engine.check_installed()
    except MissingExtra as error:
        return wrong(
            about,
            f"needs packages that are not installed: {', '.join(error.packages)}",
            f"pip install 'parley[{error.extra}]'",
        )
    outcome = await attempt(["-m", f"launcher.checks.trials.{trial}"], situation.fitting, limit_s=_LIMIT_S)
    if outcome.failure is None:
        return fine(about, f"{outcome.said}, in {outcome.took_s:.1f} s")
    names = " ".join(module.replace("_", "-") for module in engine.modules)
    return wrong(about, f"does not work: {outcome.failure}", f"pip install --force-reinstall {names}")
