"""What simulated users say: short questions, encoded beforehand for each way in which a microphone may be sent.

A `Voice` is encoded once and shared by all users, so a frame costs a user no more than its sending.
"""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.audio.ogg import OggReader
from edge.audio.opus import AudioBudget, OpusDecoder, OpusEncoder
from mesh.audio import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE

Samples: TypeAlias = NDArray[np.int16]
"""Mono audio at 24 kHz, 16 bits a sample."""

PACKET_S = 0.04
"""The audio in one Opus packet, as browsers send it."""

_PIECE_SAMPLES = SAMPLE_RATE * 20 // 1_000
_AUDIBLE = 0.01
"""Speech ends with the last 20 ms whose root mean square is at least this share of full scale (-40 dBFS)."""

_TAIL_S = 0.08
"""Silence encoded behind each utterance, in which the encoder comes to rest."""


class Utterance(NamedTuple):
    """One question as the frames of a microphone. `voiced_s` is where its last sound ends, from its first sample."""

    frames: tuple[bytes, ...]
    voiced_s: float


class Voice(NamedTuple):
    """What a microphone sends: frames of `frame_s` seconds, of an utterance or of silence (`quiet`)."""

    frame_s: float
    utterances: tuple[Utterance, ...]
    quiet: bytes


def questions() -> list[Samples]:
    """The questions that come with the package, spoken by hibari's voice; each about 2 s, without a pause within."""
    folder = files("loadtest") / "questions"
    found = sorted((each for each in folder.iterdir() if each.name.endswith(".opus")), key=lambda each: each.name)
    return [_decoded(each.read_bytes()) for each in found]


def pcm_voice(spoken: Sequence[Samples]) -> Voice:
    """The utterances as 16-bit PCM, 24 kHz, in frames of 80 ms."""
    utterances = []
    for samples in spoken:
        whole = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES)).astype("<i2")
        frames = tuple(frame.tobytes() for frame in whole.reshape(-1, FRAME_SAMPLES))
        utterances.append(Utterance(frames, voiced_s(samples)))
    return Voice(FRAME_S, tuple(utterances), bytes(2 * FRAME_SAMPLES))


def opus_voice(spoken: Sequence[Samples]) -> Voice:
    """The utterances as Opus packets of 40 ms."""
    tail = np.zeros(round(_TAIL_S * SAMPLE_RATE), np.int16)
    utterances = [Utterance(tuple(_packets(np.concatenate([samples, tail]))), voiced_s(samples)) for samples in spoken]
    *_, quiet = _packets(np.zeros(SAMPLE_RATE, np.int16))
    return Voice(PACKET_S, tuple(utterances), quiet)


def voiced_s(samples: Samples) -> float:
    """Where the last sound of a recording ends, in seconds; its whole length if nothing of it is audible."""
    pieces = samples[: len(samples) // _PIECE_SAMPLES * _PIECE_SAMPLES].reshape(-1, _PIECE_SAMPLES) / 32_768
    loud = np.flatnonzero(np.sqrt((pieces**2).mean(axis=1)) >= _AUDIBLE)
    last = (int(loud[-1]) + 1) * _PIECE_SAMPLES if len(loud) else len(samples)
    return last / SAMPLE_RATE


def _packets(samples: Samples) -> Iterator[bytes]:
    """The Opus packets of a recording, its end filled up with silence."""
    encoder = OpusEncoder()
    pages = encoder.encode(samples.astype("<i2").tobytes()) + encoder.flush()
    for page in OggReader().read(pages):
        packets, _ = page.packets
        yield from (packet for packet in packets if not packet.startswith((b"OpusHead", b"OpusTags")))


def _decoded(encoded: bytes) -> Samples:
    decoder = OpusDecoder(AudioBudget(burst_s=float("inf"), rate=0.0))
    pcm = b"".join(decoder.decode(encoded, now=0.0))
    return np.frombuffer(pcm, "<i2").astype(np.int16, copy=False)
