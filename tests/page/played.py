"""What a page has really played, sample by sample, as a recorder in its audio graph heard it."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Page

from mesh.audio import SAMPLE_RATE
from tests.speech import Samples

_RECORDER = Path(__file__).with_name("recorder.js").read_text()

RECORDS = f"""
    globalThis.recorder = URL.createObjectURL(new Blob([{json.dumps(_RECORDER)}], {{type: "text/javascript"}}));"""
"""An init script: the ears (`ears.js`) keep every sample. For a visitor who is not fenced in."""

_FADE = round(0.005 * SAMPLE_RATE)
_FINGERPRINT = round(0.3 * SAMPLE_RATE)
"""Samples by which a place in a reply is known again: speech does not repeat itself so exactly."""


FALLS_SILENT_WITHIN = 3
"""Chunks of 100 ms, after a reply was cancelled."""


async def played_until_silent(page: Page, reply_id: str) -> Samples:
    """What went to the loudspeaker until a reply that was cancelled had ended there."""
    chunks = FALLS_SILENT_WITHIN + await page.evaluate("(id) => playedUntil[id]", reply_id)
    await page.wait_for_function("(chunks) => played.length >= chunks", arg=chunks)
    return await played(page, chunks)


async def played(page: Page, chunks: int | None = None) -> Samples:
    """All that went to the loudspeaker, or the first so many chunks of it; 24 kHz."""
    encoded = await page.evaluate(
        """(chunks) => {
          const played = window.played.slice(0, chunks ?? window.played.length);
          const bytes = new Uint8Array(4 * played.reduce((sum, each) => sum + each.length, 0));
          let at = 0;
          for (const each of played) {
            bytes.set(new Uint8Array(each.buffer), at);
            at += 4 * each.length;
          }
          let binary = "";
          for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
          return btoa(binary);
        }""",
        chunks,
    )
    return np.frombuffer(base64.b64decode(encoded), "<f4").astype(np.float32)


async def sent(page: Page, reply_id: str) -> Samples:
    """A reply's audio as it came over the wire, as PCM."""
    pieces = await page.evaluate("(id) => window.sent[id]", reply_id)
    pcm = np.frombuffer(b"".join(map(base64.b64decode, pieces)), "<i2")
    return np.asarray(pcm / 32_768, np.float32)


def position_of_end(heard: Samples, reply: Samples) -> float:
    """Where in `reply` the sound of `heard` breaks off, in seconds: the place of its last moments in the reply."""
    end = int(np.flatnonzero(np.abs(heard) > 1e-6)[-1]) + 1 - _FADE
    last = heard[end - _FINGERPRINT : end]
    products = np.fft.irfft(np.fft.rfft(reply, 2 * len(reply)) * np.conj(np.fft.rfft(last, 2 * len(reply))))
    squares = np.concatenate([[0.0], np.cumsum(np.square(reply, dtype=np.float64))])
    starts = np.arange(len(reply) - len(last) + 1)
    energies = squares[starts + len(last)] - squares[starts]
    alike = products[: len(starts)] / np.sqrt(np.maximum(energies, 1e-6) * np.sum(np.square(last)))
    best = int(np.argmax(alike))
    assert alike[best] > 0.99
    return (best + len(last) + _FADE) / SAMPLE_RATE


def words_until(told: list[tuple[float, str, dict[str, Any]]], reply_id: str, position: float) -> str:
    """The words of a reply that end before a position, of those that the server has told of."""
    spoken = [body for _, kind, body in told if kind == "replyWordSpoken" and body["replyId"] == reply_id]
    return " ".join(word["text"] for word in spoken if float(word["endOffset"].rstrip("s")) <= position)
