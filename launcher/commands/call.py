"""`parley call`: plays a recording into a running mesh, and listens to the answer."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import click

from launcher import options
from launcher.calling.audio import ReplyRecorder, read_audio
from launcher.calling.call_runner import CallRunner
from launcher.calling.converse import FORMATS, converse_transport, session
from launcher.calling.realtime import realtime_transport
from launcher.calling.transcript import Transcript
from launcher.calling.transport import Event, Samples, Transport
from launcher.command import Command
from launcher.failure import ExitCode
from launcher.processes import DEFAULT_TARGET, DEFAULT_URL
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
@click.option("--url", help=f"The edge to call.  [default: {DEFAULT_URL}]")
@click.option("--grpc", "over_grpc", is_flag=True, help="Call the orchestrator instead, as a telephony bridge would.")
@click.option("--target", help=f"With --grpc: the orchestrator to call.  [default: {DEFAULT_TARGET}]")
@click.option(
    "--format",
    "audio_format",
    type=click.Choice(list(FORMATS)),
    help=f"With --grpc: what audio travels as, both ways.  [default: {DEFAULT_FORMAT}]",
)
@click.option(
    "--turns", type=click.IntRange(min=1), default=1, show_default=True, help="How many replies to hear to their end."
)
@options.voice
@options.prompt
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
    voice: str | None,
    prompt: str | None,
    timeout_s: float,
) -> None:
    """Play the QUESTION, a WAV file, to a running mesh in real time, and listen to the answer.

    The recording may have any sample rate, number of channels and sample format. It is sent as a browser sends its
    microphone, followed by silence. Both sides of the conversation are printed word by word. The character is the one
    that the page starts with, unless --prompt gives another.
    """
    if over_grpc and url:
        raise click.UsageError("--url names an edge; with --grpc use --target")
    if not over_grpc and (target or audio_format):
        raise click.UsageError("--target and --format go with --grpc")
    if not over_grpc and prompt is not None:
        raise click.UsageError("--prompt goes with --grpc: the edge adds instructions of its own to a prompt")
    sound = read_audio(question)
    if over_grpc:
        audio = FORMATS[audio_format or DEFAULT_FORMAT]
        config = ConverseConfig(input_format=audio, output_format=audio, session=session(voice=voice, prompt=prompt))
        transport: AbstractAsyncContextManager[Transport] = converse_transport(target or DEFAULT_TARGET, config)
    else:
        transport = realtime_transport(url or DEFAULT_URL, voice=voice)
    recorder = ReplyRecorder()
    try:
        asyncio.run(_call(transport, sound, turns, timeout_s, recorder))
    finally:
        recorder.save(out)


async def _call(
    transport: AbstractAsyncContextManager[Transport],
    sound: Samples,
    turns: int,
    timeout_s: float,
    recorder: ReplyRecorder,
) -> None:
    transcript = Transcript()

    def on_event(event: Event) -> None:
        transcript.show(event)
        recorder.feed(event)

    async with transport as opened:
        runner = CallRunner(opened, sound, turns, on_event)
        try:
            await runner.run(timeout_s)
        finally:
            transcript.end()
    if runner.answered_after_s is not None and runner.answered_after_s > 0:
        click.echo(f"the answer began {runner.answered_after_s:.2f} s after the end of the question", err=True)
