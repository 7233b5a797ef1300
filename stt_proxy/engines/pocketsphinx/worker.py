"""A worker process: one decoder, one stream at a time. It ends when its standard input does, with its parent.

python -m stt_proxy.engines.pocketsphinx.worker
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from io import FileIO
from queue import SimpleQueue

import numpy as np

from stt_proxy.engine import Event, Flushed
from stt_proxy.engines.pocketsphinx.models import Decoder
from stt_proxy.engines.pocketsphinx.transcription import Transcription
from stt_proxy.engines.pocketsphinx.wire import (
    LENGTH_BYTES,
    Audio,
    Command,
    Finish,
    Finished,
    Flush,
    Heard,
    Open,
    Ready,
    Reply,
    command_from,
    packed,
)
from stt_proxy.recognition import CHUNK
from stt_proxy.recognition.detector import SpeechDetector

_NONE = 0
"""The number of no stream: they count from 1."""


class Inbox:
    """The commands of the newest stream. A thread reads ahead, so that a stream that was given up is not decoded."""

    def __init__(self, source: FileIO) -> None:
        self._source = source
        self._commands: SimpleQueue[Command | None] = SimpleQueue()
        self._newest = _NONE
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[Command]:
        """Every command that still matters, until the parent has gone."""
        while (command := self._commands.get()) is not None:
            if command.stream == self._newest:
                yield command

    def _read(self) -> None:
        while length := int.from_bytes(self._bytes(LENGTH_BYTES), "big"):
            command = command_from.decode(self._bytes(length))
            self._newest = command.stream
            self._commands.put(command)
        self._newest = _NONE
        self._commands.put(None)

    def _bytes(self, count: int) -> bytes:
        """So many bytes; none once the parent has gone."""
        read = bytearray()
        while len(read) < count:
            piece = self._source.read(count - len(read))
            if not piece:
                return b""
            read += piece
        return bytes(read)


class Worker:
    """Recognises one stream after another."""

    def __init__(self, inbox: Inbox, replies: FileIO) -> None:
        self._inbox = inbox
        self._replies = replies
        self._detector = SpeechDetector()
        self._decoder = Decoder()
        self._warm_up()

    def run(self) -> None:
        """Do what comes in until the parent has gone."""
        self._say(Ready())
        transcription = Transcription(self._detector, self._decoder)
        for command in self._inbox:
            match command:
                case Open():
                    transcription = Transcription(self._detector, self._decoder)
                case Audio(stream, pcm):
                    self._tell(stream, transcription.feed(pcm))
                case Flush(stream, flush_id):
                    self._tell(stream, transcription.flush())
                    self._say(Heard(stream, Flushed(flush_id)))
                case Finish(stream):
                    self._tell(stream, transcription.flush())
                    self._say(Finished(stream))

    def _warm_up(self) -> None:
        """Touch all of both models once, so that the first person does not wait for it."""
        noise = np.random.default_rng(0).normal(0, 0.01, 8 * CHUNK).astype(np.float32)
        for _ in self._detector.feed(noise):
            pass
        self._decoder.begin(0)
        self._decoder.feed(noise)
        self._decoder.end()

    def _tell(self, stream: int, events: Iterator[Event]) -> None:
        for event in events:
            self._say(Heard(stream, event))

    def _say(self, reply: Reply) -> None:
        # A pipe takes a message of less than 4 KiB in one piece.
        self._replies.write(packed(reply))


def main() -> None:
    """Be a worker."""
    # A signal to the whole process group, Ctrl-C for one, is for the parent: it drains, then ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    replies = FileIO(os.dup(sys.stdout.fileno()), "w")
    # What a library prints must not get among the replies.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        Worker(Inbox(FileIO(sys.stdin.fileno(), closefd=False)), replies).run()
    except BrokenPipeError:
        # The parent has gone while we were talking to it.
        sys.exit(0)


if __name__ == "__main__":
    main()
