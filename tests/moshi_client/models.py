"""What a moshi-server's models do with a stream, as far as a client can tell."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import numpy as np
from msgspec import Raw

from moshi_client.floats import Floats, packed_floats, unpacked_floats
from moshi_client.messages import Audio
from moshi_client.messages import packed as packed_message
from tests.moshi_client.server import READY, MoshiServer, Stream, packed

FRAME = 1_920
DELAY = 6
"""Frames after which a word is known."""
LOOK_AHEAD = 2
"""Words that must be known before one is spoken."""
FRAMES_OF_A_WORD = 3
LOUD = 0.05


async def frames(stream: Stream) -> AsyncIterator[Floats]:
    rest = np.zeros(0, np.float32)
    async for message in stream:
        fields = msgspec.msgpack.decode(message, type=dict[str, Raw])
        rest = np.concatenate([rest, unpacked_floats(fields["pcm"])])
        while len(rest) >= FRAME:
            yield rest[:FRAME]
            rest = rest[FRAME:]


async def recognising(stream: Stream, server: MoshiServer) -> None:
    """A pause shows after three quiet frames; each run of loud frames is a word, known `DELAY` frames after its end."""
    del server
    await stream.send(READY)
    quiet, count, began, boundary, words = 3, 0, 0, 0.0, 0
    due: list[tuple[int, str]] = []
    async for frame in frames(stream):
        loud = bool(np.abs(frame).max() > LOUD)
        began = count if loud and quiet else began
        if not loud and not quiet and count:
            words += 1
            due.append((count + DELAY, f"word{words}"))
        quiet = 0 if loud else quiet + 1
        count += 1
        pause = 0.05 if quiet < 3 else 0.95
        await stream.send(packed("Step", step_idx=count, prs=[pause] * 4, buffered_pcm=0))
        while due and due[0][0] <= count:
            _, text = due.pop(0)
            await stream.send(packed("Word", text=text, start_time=boundary))
            boundary = (count - DELAY) / 12.5
            await stream.send(packed("EndWord", stop_time=boundary))


async def speaking(stream: Stream, server: MoshiServer) -> None:
    """Three frames a word, told ahead of its audio, when the next one starts."""
    await stream.send(READY)
    words: list[str] = []
    spoken = 0
    async for message in stream:
        server.received.append(message)
        fields = msgspec.msgpack.decode(message)
        ended = fields["type"] == "Eos"
        words += fields.get("text", "").split()
        while spoken < len(words) - (0 if ended else LOOK_AHEAD):
            for _ in range(FRAMES_OF_A_WORD):
                samples = np.full(FRAME, 0.25, np.float32)
                await stream.send(packed_message(Audio(Raw(packed_floats(samples)))))
                await asyncio.sleep(0)
            start, stop = (FRAMES_OF_A_WORD * 0.08 * at for at in (spoken, spoken + 1))
            await stream.send(packed("Text", text=words[spoken], start_s=start, stop_s=stop))
            spoken += 1
        if ended:
            stream.close()
            return
