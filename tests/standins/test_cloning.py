import io
import wave

import httpx2
import msgpack
import pytest

from standins import wire
from standins.cloning import CloningEngine, CloningOptions

QUICK = CloningOptions(seconds=0, shape=(1, 4, 2))


def recording(sample: int = 100) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(24_000)
        writer.writeframes(sample.to_bytes(2, "little") * 2_400)
    return file.getvalue()


async def cloned(cloning: CloningEngine, sample: bytes) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=cloning.url) as http:
        return await http.post("/api/voice", content=sample)


async def test_a_voice_depends_on_its_sample() -> None:
    async with CloningEngine(QUICK).serving() as cloning:
        first, again, other = [(await cloned(cloning, recording(level))).content for level in (1, 1, 2)]
        assert first == again == cloning.voices[0]
        assert first != other
        assert cloning.requests[0] == recording(1)
    voice = wire.unpack(first, wire.TTS_KINDS)
    assert isinstance(voice, wire.Voice)
    assert (len(voice.embeddings), voice.shape) == (8, [1, 4, 2])


async def test_a_voice_is_as_large_as_a_real_one() -> None:
    async with CloningEngine(CloningOptions(seconds=0)).serving() as cloning:
        answer = await cloned(cloning, recording())
    assert answer.headers["content-type"] == "application/octet-stream"
    assert 319_000 < len(answer.content) < 321_000
    assert list(msgpack.unpackb(answer.content)) == ["type", "embeddings", "shape"]


@pytest.mark.parametrize("sample", [b"", b"no audio", recording()[:30], b"RIFF" + bytes(100)])
async def test_what_cannot_be_decoded_is_500_with_an_empty_body(sample: bytes) -> None:
    async with CloningEngine(QUICK).serving() as cloning:
        answer = await cloned(cloning, sample)
        assert (answer.status_code, answer.content) == (500, b"")
        assert cloning.slots.used == 0


async def test_more_than_16_mib_is_too_much() -> None:
    async with CloningEngine(QUICK).serving() as cloning:
        assert (await cloned(cloning, bytes((16 << 20) + 1))).status_code == 413


async def test_faults() -> None:
    async with CloningEngine(QUICK).serving() as cloning:
        cloning.break_down("http:status=503")
        assert (await cloned(cloning, recording())).status_code == 503
        cloning.break_down("garbage:how=mutated")
        assert (await cloned(cloning, recording())).status_code == 200
        for how in ("eof", "reset"):
            cloning.break_down(f"close:how={how}")
            with pytest.raises(httpx2.TransportError):
                await cloned(cloning, recording())
        cloning.break_down("silent")
        async with httpx2.AsyncClient(base_url=cloning.url, timeout=0.2) as http:
            with pytest.raises(httpx2.ReadTimeout):
                await http.post("/api/voice", content=recording())
        cloning.recover()
        await cloning.slots.until_free()
        assert (await cloned(cloning, recording())).status_code == 200
