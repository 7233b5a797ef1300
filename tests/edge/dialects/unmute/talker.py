"""A person on the other side of an edge, in front of a real orchestrator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import sphn

from tests.edge.clients import Client, client_of
from tests.edge.sounds import RATE, tone

TRANSCRIPTION = "conversation.item.input_audio_transcription.delta"
STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
UPDATED, CREATED = "session.updated", "response.created"
READY, TEXT_DONE, TEXT = "unmute.response.text.delta.ready", "response.text.done", "response.text.delta"
AUDIO, AUDIO_DONE = "response.audio.delta", "response.audio.done"
OUTPUTS, INTERRUPTED = "unmute.additional_outputs", "unmute.interrupted_by_vad"


class Talker:
    """Sends what a microphone hears, as Ogg Opus, and keeps all events. Nothing is in real time."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.events: list[dict[str, Any]] = []
        self._writer = sphn.OpusStreamWriter(RATE)

    async def speak(self, seconds: float) -> None:
        """A tone, which the fake recogniser scores as speech."""
        await self._play(tone(seconds))

    async def keep_silent(self, seconds: float) -> None:
        await self._play(bytes(2 * round(seconds * RATE)))

    async def until(self, kind: str) -> dict[str, Any]:
        """Read on until an event of this type."""
        while True:
            event = await self.client.next_event()
            self.events.append(event)
            if event["type"] == kind:
                return event

    def types(self, *, without: str = "") -> list[str]:
        """The types of all events so far, and of a run of the same type one."""
        kinds = [event["type"] for event in self.events if event["type"] != without]
        return [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]

    async def _play(self, pcm: bytes) -> None:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
        for at in range(0, samples.size, 960):
            if pages := self._writer.append_pcm(samples[at : at + 960]):
                await self.client.append(pages)


@asynccontextmanager
async def talker(port: int) -> AsyncIterator[Talker]:
    async with client_of(port, subprotocols=["realtime"]) as client:
        yield Talker(client)
