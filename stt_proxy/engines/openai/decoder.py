"""Servers as a `Decoder`: each window is a request, and goes to the freest."""

import asyncio
import struct
from typing import Any, Final

import numpy as np

from mesh.errors import AtCapacity, InvalidRequest, UpstreamDown, UpstreamMisconfigured, VoiceNotFound
from openai_audio.servers import AudioServers, read
from stt_proxy.engines.openai.transcript import transcript_of, words_of
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.samples import Samples
from stt_proxy.windowed.decoder import Decoding

_PATH: Final = "/v1/audio/transcriptions"
_TRIES: Final = 3
_PAUSE_S: Final = 0.2
"""Before a window is sent again; twice as long the second time."""


class ServerDecoder:
    """Transcribes windows. `extra` are more fields of a request; `answer_limit_s` is how long one may take in all."""

    def __init__(
        self, servers: AudioServers, *, model: str, answer_limit_s: float, extra: dict[str, Any] | None = None
    ) -> None:
        self._servers = servers
        self._model = model
        self._answer_limit_s = answer_limit_s
        self._extra = extra or {}
        self._verbose = True
        """Whether the servers give times of words; those that refuse to are not asked again."""

    async def decode(self, samples: Samples, language: str, likely: str) -> Decoding:  # noqa: ARG002 - they tell better
        """Decode a window; languages are told by their first part, as these servers know them.

        Raises `UpstreamDown`, also when every server stays full, and `UpstreamMisconfigured`.
        """
        sound = wav(samples)
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            try:
                return await self._decoded(sound, samples, language.partition("-")[0].lower())
            except AtCapacity as error:
                if last:
                    raise UpstreamDown(error.message) from error
            except UpstreamDown:
                if last:
                    raise
            except InvalidRequest as error:
                if not self._verbose:
                    raise UpstreamMisconfigured(error.message) from error
                # A model without times, such as gpt-4o-transcribe.
                self._verbose = False
                continue
            except VoiceNotFound as error:
                raise UpstreamMisconfigured(error.message) from error
            await asyncio.sleep(_PAUSE_S * (attempt + 1))
        raise UpstreamDown("the audio server transcribes nothing")

    async def _decoded(self, sound: bytes, samples: Samples, language: str) -> Decoding:
        fields: dict[str, Any] = {"model": self._model, "response_format": "json", "temperature": "0"}
        if self._verbose:
            fields |= {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
        if language:
            fields["language"] = language
        files = {"file": ("speech.wav", sound, "audio/wav")}
        try:
            async with (
                asyncio.timeout(self._answer_limit_s),
                self._servers.post(_PATH, data={**fields, **self._extra}, files=files) as response,
            ):
                body = await read(response)
        except TimeoutError:
            raise UpstreamDown("the audio server did not transcribe in time") from None
        transcript = transcript_of(body)
        return Decoding(words_of(transcript, samples), language, 1.0 if language else 0.0)


def wav(samples: Samples) -> bytes:
    """A file with these samples, 16 kHz, in 16 bits."""
    data = (np.clip(np.nan_to_num(samples), -1, 1) * np.float32(32_767)).astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    chunks = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(chunks)) + chunks
