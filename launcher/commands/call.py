"""`parley call`: plays a recording into a running mesh, and listens to the answer."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import click

from launcher import options
from launcher.calling import recording
from launcher.calling.conduct import Call
from launcher.calling.converse import FORMATS, converse_line
from launcher.calling.events import Event, Samples
from launcher.calling.line import Line
from launcher.calling.realtime import realtime_line
from launcher.calling.recorder import Recorder
from launcher.calling.transcript import Transcript
from launcher.command import Command
from launcher.exit_codes import ExitCode
from parley.conversation.v1.conversation_pb2 import ConverseConfig

DEFAULT_FORMAT = "pcm24k"


@click.command(
    cls=Command,
    examples=[
        ("parley call question.wav --out reply.wav", "as a browser would; the answer is kept"),
        ("parley call --grpc --format mulaw8k question.wav", "as a telephone bridge would"),
        ("parley call question.wav --turns 2 --timeout 60", "two questions in one recording, and a slow model"),
    ],
    exit_codes={
        ExitCode.DONE: "the reply was heard",
        ExitCode.FAILED: "the mesh could not be reached, refused, or broke off",
        ExitCode.USAGE: "wrong usage, or a recording that cannot be played",
        ExitCode.NO_REPLY: "no reply was heard in time",
        ExitCode.INTERRUPTED: ExitCode.INTERRUPTED.meaning,
    },
)
@click.argument("question", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.out
@click.option("--url", help=f"The edge to call.  [default: {options.DEFAULT_URL}]")
@click.option("--grpc", "over_grpc", is_flag=True, help="Call the orchestrator instead, as a telephony bridge would.")
@click.option("--target", help=f"With --grpc: the orchestrator to call.  [default: {options.DEFAULT_TARGET}]")
@click.option(
    "--format",
    "audio_format",
    type=click.Choice(list(FORMATS)),
    help=f"With --grpc: what audio travels as, both ways.  [default: {DEFAULT_FORMAT}]",
)
@click.option(
    "--turns", type=click.IntRange(min=1), default=1, show_default=True, help="How many replies to hear to their end."
)
@options.timeout
def call(
    question: Path,
    out: Path | None,
    url: str | None,
    *,
    over_grpc: bool,
    target: str | None,
    audio_format: str | None,
    turns: int,
    timeout_s: float,
) -> None:
    """Ask a running mesh the QUESTION of a WAV file, in real time, and hear the answer.

    The recording may have any sample rate, number of channels and sample format. It is sent as a browser sends its
    microphone, with silence after its end. Both sides are printed word by word as they come.
    """
    if over_grpc and url:
        raise click.UsageError("--url names an edge; with --grpc use --target")
    if not over_grpc and (target or audio_format):
        raise click.UsageError("--target and --format go with --grpc")
    sound = recording.read(question)
    if over_grpc:
        line = _grpc_line(target or options.DEFAULT_TARGET, audio_format or DEFAULT_FORMAT)
    else:
        line = realtime_line(url or options.DEFAULT_URL)
    recorder = Recorder()
    try:
        asyncio.run(_call(line, sound, turns, timeout_s, recorder))
    finally:
        recorder.save(out)


def _grpc_line(target: str, audio_format: str) -> AbstractAsyncContextManager[Line]:
    audio = FORMATS[audio_format]
    return converse_line(target, ConverseConfig(input_format=audio, output_format=audio))


async def _call(
    line: AbstractAsyncContextManager[Line], sound: Samples, turns: int, timeout_s: float, recorder: Recorder
) -> None:
    transcript = Transcript()

    def hear(event: Event) -> None:
        transcript.show(event)
        recorder.hear(event)

    async with line as opened:
        call = Call(opened, sound, turns, hear)
        try:
            await call.hold(timeout_s)
        finally:
            transcript.end()
    if call.answered_after_s is not None and call.answered_after_s > 0:
        click.echo(f"the answer began {call.answered_after_s:.2f} s after the end of the question", err=True)
