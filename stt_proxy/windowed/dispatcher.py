"""Decodes the windows of all streams, so many at once, in the schedule's order."""

import asyncio
from typing import Protocol

from mesh.errors import UpstreamDown, UpstreamMisconfigured
from stt_proxy.windowed.decoder import Decoder, Decoding
from stt_proxy.windowed.schedule import Job, Schedule, Urgency
from stt_proxy.windowed.transcription import Window


class Client(Protocol):
    """A stream, as the dispatcher sees it."""

    def window(self, urgency: Urgency) -> Window | None:
        """What is to be decoded, now that it is the stream's turn; None: nothing any more."""

    def decoded(self, window: Window, decoding: Decoding) -> None:
        """Take in what was made of a window."""

    def failed(self, error: UpstreamDown | UpstreamMisconfigured) -> None:
        """The decoder is lost."""


class Dispatcher:
    """Decodes `width` windows at once. To be run by its owner: `run`."""

    def __init__(self, decoder: Decoder, width: int) -> None:
        self._decoder = decoder
        self._width = width
        self._schedule: Schedule[Client] = Schedule(max(1, width - 1))
        self._news = asyncio.Event()

    def ask(self, client: Client, urgency: Urgency) -> None:
        """Have a window of the client decoded when its turn comes."""
        self._schedule.ask(client, urgency)
        self._news.set()

    def forget(self, client: Client) -> None:
        """Decode nothing more of a client."""
        self._schedule.forget(client)

    async def run(self) -> None:
        """Decode what is asked for until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                while self._schedule.running < self._width and (job := self._schedule.begin()):
                    tasks.create_task(self._decode(job))
                self._news.clear()
                await self._news.wait()

    async def _decode(self, job: Job[Client]) -> None:
        client = job.stream
        try:
            window = client.window(job.urgency)
            if window is not None:
                decoding = await self._decoder.decode(window.samples, window.language, window.likely)
                client.decoded(window, decoding)
        except (UpstreamDown, UpstreamMisconfigured) as error:
            client.failed(error)
        finally:
            self._schedule.end(job)
            self._news.set()
