"""Runs grpcurl, and reads what it prints."""

import asyncio
import json
import shutil
from typing import Any

import pytest

from tests.requirements import required

NEEDS_GRPCURL = (
    pytest.mark.grpcurl,
    pytest.mark.skipif(
        shutil.which("grpcurl") is None and not required("grpcurl"),
        reason="grpcurl is not installed; `tox -e grpcurl` installs it with the Go tool chain and runs this",
    ),
)
"""The marks of a test that runs it."""

SERVICES = {
    "orchestrator": "parley.conversation.v1.ConversationService",
    "stt": "parley.stt.v1.SpeechToTextService",
    "tts": "parley.tts.v1.TextToSpeechService",
    "voices": "parley.voices.v1.VoiceService",
}


async def grpcurl(*arguments: str, requests: list[Any] | None = None) -> tuple[int, str, str]:
    """Run grpcurl with the requests on its standard input; return its exit code, output and errors."""
    data = ("-d", "@") if requests is not None else ()
    process = await asyncio.create_subprocess_exec(
        "grpcurl",
        "-plaintext",
        *data,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate("\n".join(map(json.dumps, requests or [])).encode())
    return process.returncode or 0, out.decode(), err.decode()


def messages(output: str) -> list[dict[str, Any]]:
    """The JSON messages that grpcurl printed one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(output.rstrip()):
        message, end = decoder.raw_decode(output, at)
        found.append(message)
        at = end + len(output[end:]) - len(output[end:].lstrip())
    return found
