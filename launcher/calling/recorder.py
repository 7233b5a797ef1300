"""Keeps what is heard in a call."""

from pathlib import Path

import click
import numpy as np

from launcher.calling import recording
from launcher.calling.events import Event, ReplyAudio, Samples


class Recorder:
    """Collects the audio of all replies, one after the other."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = []

    def hear(self, event: Event) -> None:
        """Keep what is to be heard of an event."""
        if isinstance(event, ReplyAudio):
            self._pieces.append(event.samples)

    def save(self, path: Path | None) -> None:
        """Write what was heard, if anything was and a file is wanted, and say so on standard error."""
        if path is None or not self._pieces:
            return
        samples = np.concatenate(self._pieces)
        recording.write(path, samples)
        click.echo(f"{len(samples) / recording.SAMPLE_RATE:.1f} s of speech are in {path}", err=True)
