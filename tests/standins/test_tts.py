import asyncio
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from standins import wire
from standins.tts.engine import TtsEngine
from standins.tts.options import TtsOptions
from tests.standins.clients import connected, everything, packed, told

QUICK = TtsOptions(speed=1_000.0, first_audio_s=0.0)
EOS = packed("Eos")


def texts(said: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    return [(each["text"], each["start_s"], each["stop_s"]) for each in said if each["type"] == "Text"]


async def test_a_sentence_is_spoken_and_the_server_closes() -> None:
    async with TtsEngine(QUICK).serving() as tts, connected(tts) as socket:
        assert await told(socket) == {"type": "Ready"}
        await socket.send(packed("Text", text="one two"))
        await socket.send(packed("Text", text="three"))
        await socket.send(EOS)
        said = await everything(socket)
        assert socket.close_code == 1005
        session = await tts.session()
    assert texts(said) == [("one", 0.0, 0.32), ("two", 0.32, 0.64), ("three", 0.64, 0.96)]
    assert [each["type"] for each in said] == ["Text", "Text", *["Audio"] * 12, "Text"]
    assert {len(each["pcm"]) for each in said if each["type"] == "Audio"} == {1_920}
    assert (session.texts, session.ended, session.frames, session.over) == (["one two", "three"], True, 12, True)


async def test_words_come_ahead_of_their_audio() -> None:
    async with TtsEngine(QUICK).serving() as tts, connected(tts) as socket:
        await socket.send(packed("Text", text=" ".join(["word"] * 20)))
        await socket.send(EOS)
        said = (await everything(socket))[1:]
    spoken = 0
    for each in said[:-1]:
        if each["type"] == "Audio":
            spoken += 1
        else:
            assert 0 <= each["start_s"] - spoken * 0.08 <= 16 * 0.08 + 1e-9
    assert spoken == 80


async def test_it_stalls_until_it_knows_two_words_more() -> None:
    async with TtsEngine(QUICK).serving() as tts, connected(tts) as socket:
        await told(socket)
        session = await tts.session()
        await socket.send(packed("Text", text="one two"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await socket.recv()
        await socket.send(packed("Text", text="three"))
        assert (await told(socket))["text"] == "one"
        for _ in range(4):
            assert (await told(socket))["type"] == "Audio"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await socket.recv()
        assert session.frames == 4


async def test_every_word_can_be_heard() -> None:
    async with TtsEngine(QUICK).serving() as tts, connected(tts) as socket:
        await socket.send(packed("Text", text="one two"))
        await socket.send(EOS)
        pcm = np.concatenate([each["pcm"] for each in await everything(socket) if each["type"] == "Audio"])
    loud = np.abs(pcm) > 0.05
    assert loud[:6_000].any()
    assert not loud[6_400:7_680].any()
    assert loud[7_680:13_680].any()
    assert np.abs(pcm).max() <= 0.99


async def test_a_break_is_a_pause_without_a_word() -> None:
    async with TtsEngine(QUICK).serving() as tts, connected(tts) as socket:
        await socket.send(packed("Text", text='one <break time="0.8s"/> (two): \N{RIGHT SINGLE QUOTATION MARK}s'))
        await socket.send(EOS)
        said = await everything(socket)
    assert texts(said) == [
        ("one", 0.0, 0.32),
        ("two", pytest.approx(1.12), pytest.approx(1.44)),
        ("'s", pytest.approx(1.44), pytest.approx(1.76)),
    ]


async def test_a_voice_is_kept_byte_for_byte_and_only_before_the_first_text() -> None:
    voice = msgpack.packb({"type": "Voice", "shape": [1, 1, 2], "embeddings": [0.5, 1]})
    async with TtsEngine(QUICK).serving() as tts, connected(tts, "?format=PcmMessagePack&voice=a%2Fb.wav") as socket:
        await socket.send(voice)
        await socket.send(packed("Text", text="hi"))
        await socket.send(wire.voice([1.0], [1]))
        await socket.send(EOS)
        await everything(socket)
        session = await tts.session()
    assert session.first_message == session.voice_message == voice
    assert session.voice_name == "a/b.wav"


async def test_eos_without_text_ends_at_once() -> None:
    async with TtsEngine(QUICK).serving() as tts, connected(tts) as socket:
        await told(socket)
        await socket.send(b"\0")
        assert await everything(socket) == []
        assert socket.close_code == 1005


async def test_bare_samples_come_without_anything_else() -> None:
    async with TtsEngine(QUICK).serving() as tts, connected(tts, "?format=Pcm") as socket:
        await socket.send("hello")
        await socket.send(b"\0")
        assert [len(message) async for message in socket] == [7_680] * 4


async def test_a_client_that_leaves_frees_its_slot() -> None:
    async with TtsEngine().serving() as tts:
        async with connected(tts) as socket:
            await socket.send(packed("Text", text="one two three four five"))
            await told(socket)
            assert tts.slots.used == 1
        await tts.slots.until_free()


async def test_what_cannot_be_read_closes_without_a_code() -> None:
    async with TtsEngine().serving() as tts, connected(tts) as socket:
        await told(socket)
        await socket.send(packed("Audio", pcm=[]))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1005


async def test_an_old_server_sends_an_empty_text_first() -> None:
    async with TtsEngine(TtsOptions(old=True)).serving() as tts, connected(tts) as socket:
        await told(socket)
        assert await told(socket) == {"type": "Text", "text": "", "start_s": 0.0, "stop_s": 0.0}


@pytest.mark.parametrize("query", ["?voice=a", "?format=pcm", "?format=OggOpusMessagePack"])
async def test_other_formats_are_refused(query: str) -> None:
    async with TtsEngine().serving() as tts:
        with pytest.raises(InvalidStatus) as refused:
            async with connected(tts, query):
                pass
        assert refused.value.response.status_code == 400


async def test_a_full_server_drops_a_client_of_bare_samples() -> None:
    async with TtsEngine(TtsOptions(slots=0)).serving() as tts:
        async with connected(tts) as socket:
            assert (await told(socket))["type"] == "Error"
        async with connected(tts, "?format=Pcm") as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1006
        assert tts.slots.refused == 2
