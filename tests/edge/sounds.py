"""Sounds, and Ogg pages made by hand."""

import struct

import numpy as np
import sphn

from edge.audio.ogg import OggReader, checksum

RATE = 24_000
SERIAL = 42
LONGEST_PACKET = bytes([0x1B, 0x02])
"""Two 60 ms frames of no bytes: 120 ms in two bytes."""
BOS, EOS, CONTINUED = 0x02, 0x04, 0x01


def tone(seconds: float) -> bytes:
    """A tone that rises, as 16-bit PCM at 24 kHz, so that no two frames are alike."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (8_000 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype("<i2").tobytes()


def opus_stream(seconds: float) -> bytes:
    """A whole Ogg Opus stream as `sphn` makes it: two header pages, then a page for every 40 ms."""
    writer = sphn.OpusStreamWriter(RATE)
    samples = np.frombuffer(tone(seconds), "<i2").astype(np.float32) / 32_768
    return b"".join(writer.append_pcm(samples[at : at + 960]) for at in range(0, samples.size, 960))


def pages_of(stream: bytes) -> list[bytes]:
    return [page.encoded for page in OggReader().read(stream)]


def page(*packets: bytes, flags: int = 0, serial: int = SERIAL) -> bytes:
    """A page that holds these packets whole."""
    lacing = b"".join(bytes([255] * (len(packet) // 255) + [len(packet) % 255]) for packet in packets)
    return page_of_segments(lacing, b"".join(packets), flags=flags, serial=serial)


def page_of_segments(lacing: bytes, body: bytes, flags: int = 0, serial: int = SERIAL) -> bytes:
    header = b"OggS" + bytes([0, flags]) + struct.pack("<qIIIB", 0, serial, 0, 0, len(lacing))
    return sealed(header + lacing + body)


def sealed(unsealed: bytes) -> bytes:
    """The page with its right checksum."""
    return unsealed[:22] + struct.pack("<I", checksum(unsealed)) + unsealed[26:]
