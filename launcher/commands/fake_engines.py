"""`parley fake-engines`: stand-ins for the production engines."""

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from ipaddress import ip_address
from typing import Any

import click
import uvloop

from launcher.command import Command
from launcher.failure import ExitCode, Failure
from mesh.process.ports import authority
from mesh.process.signals import stop_requests
from standins import faults
from standins.cloning import CloningEngine
from standins.engine import BadChange, Engine
from standins.llm.engine import LlmEngine
from standins.stt.engine import SttEngine
from standins.tts.engine import TtsEngine

_KINDS: dict[str, Callable[[], Engine[Any]]] = {
    "stt": SttEngine,
    "tts": TtsEngine,
    "cloning": CloningEngine,
    "llm": LlmEngine,
}
_VARIABLES = {
    "stt": "KYUTAI_STT_URL",
    "tts": "KYUTAI_TTS_URL",
    "cloning": "KYUTAI_VOICE_CLONING_URL",
    "llm": "KYUTAI_LLM_URL",
}


class _Command(Command):
    """Its help lists the faults too."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what comes after the options."""
        with formatter.section("Faults (a colon, then name=value,…; each takes probability=0…1)"):
            formatter.write_dl([(_signature(kind), kind.summary) for kind in faults.KINDS])
        super().format_epilog(ctx, formatter)


def _signature(kind: Any) -> str:
    fields = [
        f"{name}={getattr(kind(), name)}" for name in kind.__struct_fields__ if name not in {"probability", "message"}
    ]
    return f"{faults.name(kind)}{':' if fields else ''}{','.join(fields)}"


def _pairs(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Split "ENGINE:what" and check the engine."""
    pairs = []
    for each in given:
        engine, _colon, what = each.partition(":")
        if engine not in _KINDS or not what:
            raise click.BadParameter(f"{each!r}: expected ENGINE:…, the engine one of {', '.join(_KINDS)}")
        pairs.append((engine, what))
    return tuple(pairs)


@click.command(
    "fake-engines",
    cls=_Command,
    context_settings={"auto_envvar_prefix": "PARLEY_FAKE_ENGINES", "show_default": True},
    examples=[
        ('parley fake-engines --hear "What time is it?" --reply "Time for tea."', "a conversation known beforehand"),
        ("parley fake-engines --set stt:slots=1 --fault llm:slow:first=3", "one recogniser's slot, a slow model"),
        ("parley fake-engines --fault tts:close:how=reset,probability=0.1", "every tenth reply breaks off"),
    ],
    exit_codes={
        ExitCode.DONE: "ended by Ctrl-C or SIGTERM",
        ExitCode.FAILED: "a port or an address cannot be had",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
    },
)
@click.option("--host", default="127.0.0.1", help="The address to listen on; of several replicas, the first.")
@click.option("--replicas", type=click.IntRange(1, 100), default=1, help="Of each engine, on addresses in a row.")
@click.option("--stt-port", type=click.IntRange(0, 65_535), default=8090, help="0: any free one.")
@click.option("--tts-port", type=click.IntRange(0, 65_535), default=8089, help="0: any free one.")
@click.option("--llm-port", type=click.IntRange(0, 65_535), default=8091, help="0: any free one.")
@click.option("--cloning-port", type=click.IntRange(0, 65_535), default=8092, help="0: any free one.")
@click.option("--hear", multiple=True, metavar="TEXT", help="What the recogniser hears in a stretch of speech; repeat.")
@click.option("--reply", multiple=True, metavar="TEXT", help="What the language model answers; repeat.")
@click.option(
    "--set",
    "options",
    multiple=True,
    callback=_pairs,
    metavar="ENGINE:NAME=VALUE",
    help="An engine's option, like stt:slots=2 or llm:first_token_s=0.5; GET /standin on an engine shows all.",
)
@click.option(
    "--fault",
    "wanted_faults",
    multiple=True,
    callback=_pairs,
    metavar="ENGINE:FAULT",
    help="What goes wrong, like stt:full or tts:close:how=reset,after=9,probability=0.1.",
)
@click.option("--seed", type=int, default=0, help="Of the faults' draws.")
def fake_engines(**wanted: Any) -> None:
    """Run stand-ins for moshi-server (recogniser, synthesis, cloning) and a language model, over their real wire.

    They use little CPU time, count their slots exactly and fail on request, for tests and load tests. The recogniser
    hears words while there is energy, and a pause 0.4 s later. The synthesis speaks bursts of tone. The variables to
    set are printed at the start. Ctrl-C stops it. GET /standin on any of them shows its counts, options and faults;
    PATCH /standin with {"options": {"slots": 1}, "faults": ["full"]} changes them.
    """
    uvloop.run(_run(**wanted))


async def _run(*, host: str, replicas: int, **wanted: Any) -> None:
    async with AsyncExitStack() as stack:
        urls: dict[str, list[str]] = {kind: [] for kind in _KINDS}
        for address in _addresses(host, replicas):
            for kind, make in _KINDS.items():
                engine = make()
                _configure(engine, wanted)
                port = wanted[f"{kind}_port"]
                try:
                    await stack.enter_async_context(engine.serving(address, port))
                except OSError as error:
                    raise Failure(
                        f"cannot listen on {authority(address, port)}: {error.strerror}; see --host and --{kind}-port"
                    ) from None
                urls[kind].append(engine.url)
        for kind, variable in _VARIABLES.items():
            # Nobody looks for a language model in more than one place.
            click.echo(f"export {variable}={urls[kind][0] if kind == 'llm' else ','.join(urls[kind])}")
        with stop_requests() as requests:
            await requests.stop.wait()


def _configure(engine: Engine[Any], wanted: dict[str, Any]) -> None:
    """Tell an engine what the command line says. Raises `click.UsageError`."""
    options: dict[str, Any] = {"seed": wanted["seed"]}
    if engine.kind == "stt" and wanted["hear"]:
        options["script"] = wanted["hear"]
    if engine.kind == "llm" and wanted["reply"]:
        options["replies"] = wanted["reply"]
    for kind, pair in wanted["options"]:
        if kind == engine.kind:
            name, _, value = pair.partition("=")
            several = isinstance(getattr(engine.options, name, None), tuple)
            options[name] = [each for each in value.split(",") if each] if several else value
    try:
        engine.change(**options)
        engine.break_down(*(fault for kind, fault in wanted["wanted_faults"] if kind == engine.kind))
    except (BadChange, faults.BadFault) as error:
        raise click.UsageError(f"{engine.kind}: {error}") from None


def _addresses(host: str, replicas: int) -> Iterator[str]:
    if replicas == 1:
        yield host
        return
    try:
        first = ip_address(host)
    except ValueError:
        raise click.UsageError(f"several replicas need an IP address to count from, not {host}") from None
    for number in range(replicas):
        yield str(first + number)
