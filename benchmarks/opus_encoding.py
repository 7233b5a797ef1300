"""What a second of speech costs to encode as Opus, by application and complexity, beside sphn if it is installed.

Speech is eSpeak NG's, as packets of 40 ms at 24 kHz. Prints milliseconds of CPU for each second, the bit rate that came
out, and the ratio to the setting of the edge.
"""

import time
from collections.abc import Callable

import numpy as np
import opuslib_next
import soxr

from edge.audio.opus import OpusEncoder
from tests.voice_service.harness import spoken
from tts_proxy.engines.espeak.library import Prosody

RATE, PACKET = 24_000, 960
TRIES = 5


def speech() -> bytes:
    """Ten seconds, as PCM."""
    samples, rate = spoken(Prosody("gmw/en-US"))
    resampled = soxr.resample(samples, rate, RATE)
    return (resampled[: len(resampled) // PACKET * PACKET] * 32_767).astype("<i2").tobytes()


def cost_ms(pcm: bytes, encode: Callable[[bytes], bytes]) -> tuple[float, float]:
    """The least of several tries in ms for each second, and kbit/s."""
    seconds = len(pcm) / 2 / RATE
    best, made = float("inf"), b""
    for _ in range(TRIES):
        began = time.process_time()
        made = encode(pcm)
        best = min(best, time.process_time() - began)
    return 1_000 * best / seconds, len(made) * 8 / seconds / 1_000


def by_libopus(application: str, complexity: int, bit_rate: int) -> Callable[[bytes], bytes]:
    """An encoder of plain packets."""

    def encode(pcm: bytes) -> bytes:
        encoder = opuslib_next.Encoder(RATE, 1, application)
        encoder.complexity, encoder.bitrate = complexity, bit_rate
        size = 2 * PACKET
        return b"".join(encoder.encode(pcm[at : at + size], PACKET) for at in range(0, len(pcm), size))

    return encode


def by_sphn(pcm: bytes) -> bytes:
    """Ogg/Opus as sphn makes it."""
    import sphn  # noqa: PLC0415 - it may be missing

    writer = sphn.OpusStreamWriter(RATE)
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
    return b"".join(writer.append_pcm(samples[at : at + PACKET]) for at in range(0, len(samples), PACKET))


def main() -> None:
    """Measure and print."""
    pcm = speech()
    own, _ = cost_ms(pcm, lambda each: OpusEncoder().encode(each))
    wanted = {"the edge's": lambda each: OpusEncoder().encode(each)}
    wanted |= {
        f"{application}, complexity {complexity}": by_libopus(application, complexity, 32_000)
        for application in ("audio", "voip")
        for complexity in (10, 5, 0)
    }
    wanted["sphn"] = by_sphn
    for name, encode in wanted.items():
        try:
            cost, rate = cost_ms(pcm, encode)
        except ImportError:
            print(f"{name:24} is not installed")
            continue
        print(f"{name:24} {cost:6.1f} ms/s  {rate:5.1f} kbit/s  {cost / own:5.2f} times the edge's")


if __name__ == "__main__":
    main()
