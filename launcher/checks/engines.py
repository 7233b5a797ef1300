"""Whether the engines that would run work: each is tried by its own plugin, in a process of its own."""

from collections.abc import Iterator
from typing import Any

from launcher.checks.check import Context
from launcher.checks.trial import try_engine
from mesh.engines.extras import MissingExtra
from mesh.engines.findings import Finding, advice, wrong
from mesh.engines.plugins import EngineGroup, EngineUnavailable
from mesh.settings import SettingError
from stt_proxy import engine as stt_engine
from tts_proxy import engine as tts_engine
from voice_service import engine as cloning_engine


async def recogniser(context: Context) -> list[Finding]:
    """Try the engine of the recognition proxy."""
    return await _tried(stt_engine.ENGINES, context)


async def voice(context: Context) -> list[Finding]:
    """Try the engine of the synthesis proxy."""
    return await _tried(tts_engine.ENGINES, context)


async def cloning(context: Context) -> list[Finding]:
    """Try the cloning engine of the voice service."""
    return await _tried(cloning_engine.ENGINES, context)


async def _tried(group: EngineGroup[Any], context: Context) -> list[Finding]:
    try:
        choice = group.choose(context.fitting)
    except MissingExtra as error:
        lacking = f"packages are not installed: {', '.join(error.packages)}"
        return [wrong("packages", lacking, error.remedy), *_broken(group)]
    except EngineUnavailable as error:
        return [wrong("engine", str(error), f"see parley config, or choose another with {group.variable}")]
    except SettingError as error:
        return [wrong("settings", str(error), "see parley config")]
    missed = [
        advice("better engine", f"cannot run here: {each}", f"nothing, if {choice.plugin.name} will do")
        for each in choice.missed
    ]
    return [*await try_engine(group.entry_points, choice.plugin.name, context.fitting), *missed, *_broken(group)]


def _broken(group: EngineGroup[Any]) -> Iterator[Finding]:
    for name, reason in group.broken.items():
        yield advice(name, f"its plugin cannot be loaded: {reason}", "update or remove the package that brings it")
