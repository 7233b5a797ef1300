"""`parley say`: a typed turn, and its answer."""

import asyncio
from pathlib import Path

import click

from launcher import options
from launcher.calling.conduct import NothingHeard
from launcher.calling.converse import converse_line
from launcher.calling.events import ReplyEnded
from launcher.calling.recorder import Recorder
from launcher.calling.transcript import Transcript
from launcher.command import Command
from launcher.exit_codes import ExitCode
from parley.conversation.v1.conversation_pb2 import (
    REPLY_MODALITY_SPEECH,
    REPLY_MODALITY_TEXT,
    ConverseConfig,
    SessionConfig,
)


@click.command(
    cls=Command,
    examples=[
        ('parley say "What time is it?"', "the answer is printed as it is spoken"),
        ('parley say "What time is it?" --out answer.wav', "and kept, to be listened to"),
        ('parley say "Tell me a story." --text-only', "written, not spoken: the language model alone"),
    ],
    exit_codes={
        ExitCode.DONE: "the reply was complete",
        ExitCode.FAILED: "the mesh could not be reached, refused, or broke off",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
        ExitCode.NO_REPLY: "no complete reply came in time",
        ExitCode.INTERRUPTED: ExitCode.INTERRUPTED.meaning,
    },
)
@click.argument("text")
@options.out
@click.option("--text-only", is_flag=True, help="Have the reply written, not spoken.")
@click.option("--allow-recording", is_flag=True, help="Consent to a recording, where the mesh keeps any.")
@click.option("--target", default=options.DEFAULT_TARGET, show_default=True, help="The orchestrator to ask.")
@options.timeout
def say(text: str, out: Path | None, *, text_only: bool, allow_recording: bool, target: str, timeout_s: float) -> None:
    """Say TEXT to a running mesh by typing, and have the answer printed word by word as it is spoken."""
    if not text.strip():
        raise click.UsageError("TEXT is empty")
    if text_only and out:
        raise click.UsageError("--text-only has no speech to keep in --out")
    modality = REPLY_MODALITY_TEXT if text_only else REPLY_MODALITY_SPEECH
    session = SessionConfig(reply_modality=modality, recording_consent=allow_recording)
    config = ConverseConfig(typed_only=True, session=session)
    recorder = Recorder()
    try:
        asyncio.run(_say(text, target, config, timeout_s, recorder))
    finally:
        recorder.save(out)


async def _say(text: str, target: str, config: ConverseConfig, timeout_s: float, recorder: Recorder) -> None:
    transcript = Transcript()
    complete = False
    async with converse_line(target, config) as line:
        try:
            async with asyncio.timeout(timeout_s):
                await line.type(text)
                await line.finish()
                async for event in line.events():
                    transcript.show(event)
                    recorder.hear(event)
                    complete |= event == ReplyEnded(complete=True)
        except TimeoutError:
            raise NothingHeard(
                f"the reply was not complete within {timeout_s:g} s; --timeout gives it longer"
            ) from None
        finally:
            transcript.end()
    if not complete:
        raise NothingHeard("the mesh ended the conversation without a complete reply")
