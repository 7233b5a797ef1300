"""Has recordings analysed in processes of their own, from the side of the service."""

import asyncio
import contextlib
import sys
from typing import Literal
from weakref import WeakKeyDictionary

import msgspec
import structlog

from mesh.errors import BadAudio, UpstreamDown
from mesh.process.platform import memory_file
from voice_service.analysis.exit_codes import EXTRA_MISSING, UNUSABLE
from voice_service.analysis.features import VoiceFeatures

ANALYSIS_LIMIT_S = 15.0
"""How long a recording may be analysed; a usual one takes a second."""
_AT_ONCE = 2
"""Recordings, whatever they are for; each keeps one core busy and takes some 300 MB."""

_log = structlog.get_logger()


class KindNotDecoded(BadAudio):
    """The decoder for the recording is not installed."""


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
"""One for the process, shared by all that need a recording analysed; a semaphore belongs to the loop it is used in."""


async def analysed(recording: bytes) -> VoiceFeatures:
    """How somebody speaks in a recording.

    Raises `BadAudio` for one that is of no use, `KindNotDecoded` where the extra `uploads` would help, and
    `UpstreamDown` if its turn does not come.
    """
    return msgspec.json.decode(await _result("features", recording), type=VoiceFeatures)


async def plain_wav(recording: bytes) -> bytes:
    """The first half minute of sound in a recording, as WAV: 16 bits, 24 kHz, mono. Raises like `analysed`."""
    return await _result("wav", recording)


async def _result(task: Literal["features", "wav"], recording: bytes) -> bytes:
    turns = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))
    try:
        async with asyncio.timeout(2 * ANALYSIS_LIMIT_S), turns:
            return await _ran(task, recording)
    except TimeoutError:
        raise UpstreamDown("too many recordings are being listened to") from None


async def _ran(task: str, recording: bytes) -> bytes:
    """What a process answers. Raises `BadAudio`."""
    # A file, not a pipe: when a process has ended before it is sent anything, uvloop raises RuntimeError.
    with memory_file(recording) as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "voice_service.analysis",
            task,
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A Ctrl-C for the service is not for it: the service ends it, or lets it end.
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(ANALYSIS_LIMIT_S):
            answer, complaint = await process.communicate()
    except TimeoutError:
        raise BadAudio("the recording cannot be used: decoding it takes too long", field="chunk") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode == 0:
        return answer
    if process.returncode in (UNUSABLE, EXTRA_MISSING):
        kind = BadAudio if process.returncode == UNUSABLE else KindNotDecoded
        raise kind(f"the recording cannot be used: {complaint.decode().strip()}", field="chunk")
    # The decoder has crashed, or met its limits: libraries do so for a sample rate of 0, say.
    last_words = complaint.decode(errors="replace").strip().rpartition("\n")[2]
    _log.warning("a recording has crashed its analysis", exit_code=process.returncode, last_words=last_words)
    raise BadAudio("the recording cannot be used: it cannot be decoded", field="chunk")
