"""`parley say`: typed turns, and their answers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import click

from launcher import options
from launcher.calling.audio import ReplyRecorder
from launcher.calling.call_runner import NoReply
from launcher.calling.converse import converse_transport, session
from launcher.calling.transcript import Transcript
from launcher.calling.transport import Event, ReplyEnded, UserWord
from launcher.command import Command
from launcher.failure import ExitCode
from launcher.processes import DEFAULT_TARGET
from parley.conversation.v1.conversation_pb2 import REPLY_MODALITY_SPEECH, REPLY_MODALITY_TEXT, ConverseConfig


@click.command(
    cls=Command,
    examples=[
        ('parley say "What time is it?"', "the answer is printed as it is spoken"),
        ('parley say "What time is it?" --out answer.wav', "and kept in a file"),
        ('parley say "My name is Ada." "What is my name?"', "two turns of one conversation"),
        ('parley say "Hello!" --prompt "You are a pirate." --text-only', "another prompt; written, not spoken"),
    ],
    exit_codes={
        ExitCode.DONE: "every reply was complete",
        ExitCode.FAILED: "the mesh could not be reached, refused, or broke off",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
        ExitCode.NO_REPLY: "no complete reply came in time",
        ExitCode.INTERRUPTED: ExitCode.INTERRUPTED.meaning,
    },
)
@click.argument("texts", nargs=-1, required=True, metavar="TEXT...")
@options.out
@click.option("--text-only", is_flag=True, help="Have the reply written, not spoken.")
@options.voice
@options.prompt
@click.option("--allow-recording", is_flag=True, help="Consent to a recording, if the mesh keeps recordings.")
@click.option("--target", default=DEFAULT_TARGET, show_default=True, help="The orchestrator to ask.")
@options.timeout
def say(
    texts: tuple[str, ...],
    out: Path | None,
    *,
    text_only: bool,
    voice: str | None,
    prompt: str | None,
    allow_recording: bool,
    target: str,
    timeout_s: float,
) -> None:
    """Type TEXT to a running mesh, and print the answer word by word as it is spoken.

    Each further TEXT is another turn of the same conversation. It is typed when the reply before it has ended. The
    character is the one that the page starts with, unless --prompt gives another.
    """
    if not all(text.strip() for text in texts):
        raise click.UsageError("TEXT is empty")
    if text_only and out:
        raise click.UsageError("--text-only has no speech to keep in --out")
    asked = session(voice=voice, prompt=prompt)
    asked.reply_modality = REPLY_MODALITY_TEXT if text_only else REPLY_MODALITY_SPEECH
    asked.recording_consent = allow_recording
    recorder = ReplyRecorder()
    try:
        asyncio.run(_say(texts, target, ConverseConfig(typed_only=True, session=asked), timeout_s, recorder))
    finally:
        recorder.save(out)


async def _say(
    texts: tuple[str, ...], target: str, config: ConverseConfig, timeout_s: float, recorder: ReplyRecorder
) -> None:
    transcript = Transcript()

    def on_event(event: Event) -> None:
        transcript.show(event)
        recorder.feed(event)

    async with converse_transport(target, config) as transport, aclosing(transport.events()) as events:
        try:
            for left, text in zip(range(len(texts) - 1, -1, -1), texts, strict=True):
                if len(texts) > 1:
                    on_event(UserWord(text))
                async with asyncio.timeout(timeout_s):
                    await transport.type(text)
                    if not left:
                        await transport.finish()
                    complete = False
                    async for event in _reply(events, to_the_end=not left):
                        on_event(event)
                        complete |= event == ReplyEnded(complete=True)
                if not complete:
                    raise NoReply("the mesh ended the conversation without a complete reply")
        except TimeoutError:
            raise NoReply(f"the reply was not complete within {timeout_s:g} s; --timeout gives it longer") from None
        finally:
            transcript.end()


async def _reply(events: AsyncGenerator[Event, None], *, to_the_end: bool) -> AsyncGenerator[Event, None]:
    """The events up to the next end of a reply; with `to_the_end`, up to the end of the conversation."""
    async for event in events:
        yield event
        if isinstance(event, ReplyEnded) and not to_the_end:
            return
