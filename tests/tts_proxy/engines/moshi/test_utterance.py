"""The engine on a socket, in front of a moshi-server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest
from msgspec import Raw
from prometheus_client import CollectorRegistry

from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import parse_urls
from mesh.errors import AtCapacity, MeshError, UpstreamDown
from mesh.pool import Options
from moshi_client.floats import packed_floats
from moshi_client.messages import Audio as AudioMessage
from moshi_client.messages import packed as packed_message
from tests.moshi_client.models import speaking
from tests.moshi_client.server import KEY, READY, Behaviour, MoshiServer, Stream, packed, running
from tts_proxy.engine import Audio, Event, Utterance, Word
from tts_proxy.engines.moshi import utterance as utterances
from tts_proxy.engines.moshi.engine import MoshiEngine, moshi_engine

PATH = "/api/tts_streaming"


@asynccontextmanager
async def engine_before(
    behave: Behaviour, *, slots: int = 2, voice: str = ""
) -> AsyncIterator[tuple[MoshiEngine, MoshiServer]]:
    async with (
        running(behave, slots=slots, path=PATH) as server,
        moshi_engine(
            parse_urls([server.url]),
            key=KEY,
            voice=voice,
            options=Options(most_leases=50, try_limit_s=0.5, search_limit_s=1.0),
            metrics=LeaseMetrics("tts", 50, CollectorRegistry()),
        ) as engine,
    ):
        yield engine, server


async def heard(utterance: Utterance) -> list[Event]:
    return [event async for event in utterance]


def words(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Word)]


def pcm(events: list[Event]) -> bytes:
    return b"".join(event.pcm for event in events if isinstance(event, Audio))


@pytest.mark.unmute("S11")
async def test_a_reply_is_spoken_word_by_word() -> None:
    async with engine_before(speaking) as (engine, server):
        async with engine.open("") as utterance:
            await utterance.speak("Hello  there,")
            await utterance.speak("my friend.")
            await utterance.finish()
            events = await heard(utterance)
        assert words(events) == ["Hello", "there,", "my", "friend."]
        assert len(pcm(events)) == 4 * 3 * 3_840
        assert [msgspec.msgpack.decode(message) for message in server.received] == [
            *({"type": "Text", "text": word} for word in ("Hello", "there,", "my", "friend.")),
            {"type": "Eos"},
        ]
        await server.until(lambda: server.used == 0)


async def test_samples_become_integers_and_are_cut_off_at_full_scale() -> None:
    async def loud(stream: Stream, server: MoshiServer) -> None:
        del server
        await stream.send(READY)
        samples = np.array([0.5, -1.0, 2.0, -7.0, float("nan"), float("inf")], np.float32)
        await stream.send(packed_message(AudioMessage(Raw(packed_floats(samples)))))
        async for message in stream:
            if msgspec.msgpack.decode(message)["type"] == "Eos":
                stream.close()

    async with engine_before(loud) as (engine, _), engine.open("") as utterance:
        await utterance.finish()
        events = await heard(utterance)
    assert np.frombuffer(pcm(events), "<i2").tolist() == [16_384, -32_767, 32_767, -32_767, 0, 32_767]


@pytest.mark.unmute("S11")
@pytest.mark.parametrize(
    ("voice", "default", "target"),
    [
        ("", "", f"{PATH}?format=PcmMessagePack&cfg_alpha=1.5"),
        ("a/b c&d=é.wav", "", f"{PATH}?format=PcmMessagePack&voice=a%2Fb%20c%26d%3D%C3%A9.wav&cfg_alpha=1.5"),
        ("", "mine", f"{PATH}?format=PcmMessagePack&voice=mine&cfg_alpha=1.5"),
    ],
)
async def test_the_voice_is_named_when_the_stream_is_opened(voice: str, default: str, target: str) -> None:
    async with engine_before(speaking, voice=default) as (engine, server), engine.open(voice):
        assert server.requests == [target]


@pytest.mark.unmute("S11")
async def test_a_cloned_voice_is_the_first_message_byte_for_byte_and_not_named() -> None:
    embedding = bytes.fromhex(
        "83a474797065a5566f696365aa656d62656464696e677392ca3f000000ca3f800000a5736861706593010102"
    )

    async def cloned(stream: Stream, server: MoshiServer) -> None:
        server.received.append(await stream.receive())
        await speaking(stream, server)

    async with engine_before(cloned, voice="mine") as (engine, server), engine.open("custom:x", embedding):
        assert server.received == [embedding]
        assert server.requests == [f"{PATH}?format=PcmMessagePack&cfg_alpha=1.5"]


async def test_full_is_at_capacity() -> None:
    async with engine_before(speaking, slots=0) as (engine, _):
        with pytest.raises(AtCapacity):
            async with engine.open(""):
                pass


async def test_words_that_wait_for_more_are_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterances, "_STALL_LIMIT_S", 0.1)
    async with engine_before(speaking) as (engine, _), engine.open("") as utterance:
        await utterance.speak("one two")
        events = aiter(utterance)

        async def finish_later() -> None:
            await asyncio.sleep(0.4)
            await utterance.finish()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(finish_later())
            assert words([event async for event in events]) == ["one", "two"]


async def test_silence_after_the_end_of_the_text_is_a_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterances, "_STALL_LIMIT_S", 0.2)

    async def mute(stream: Stream, server: MoshiServer) -> None:
        await stream.send(READY)
        async for message in stream:
            server.received.append(message)

    async with engine_before(mute) as (engine, server):
        async with engine.open("") as utterance:
            await utterance.speak("one")
            await utterance.finish()
            with pytest.raises(UpstreamDown, match="said nothing"):
                await heard(utterance)
        await server.until(lambda: server.used == 0)


def leaving(after: str, *messages: bytes, orderly: bool) -> Behaviour:
    """Say these when a message of that type has come, and be gone."""

    async def behave(stream: Stream, server: MoshiServer) -> None:
        del server
        await stream.send(READY)
        async for message in stream:
            if msgspec.msgpack.decode(message)["type"] == after:
                break
        for each in messages:
            await stream.send(each)
        if orderly:
            stream.close()
        else:
            stream.hang_up()

    return behave


AUDIO = packed("Audio", pcm=[0.5] * 1_920)
SPOKEN = [packed("Text", text=f"w{n}", start_s=n / 10, stop_s=(n + 1) / 10) for n in range(6)]


@pytest.mark.unmute("B24")
@pytest.mark.parametrize("orderly", [True, False])
@pytest.mark.parametrize(
    ("after", "messages"),
    [("Text", [AUDIO]), ("Eos", []), ("Eos", [AUDIO, *SPOKEN[:3]])],
    ids=["before the end of the text", "without a sound", "in the middle"],
)
async def test_a_reply_that_is_cut_short_has_failed(after: str, messages: list[bytes], orderly: bool) -> None:
    async with engine_before(leaving(after, *messages, orderly=orderly)) as (engine, server):
        async with engine.open("") as utterance:
            await utterance.speak("w0 w1 w2 w3 w4 w5")
            if after == "Eos":
                await utterance.finish()
            with pytest.raises(UpstreamDown, match="closed the stream"):
                await heard(utterance)
        await server.until(lambda: server.used == 0)


@pytest.mark.parametrize("orderly", [True, False])
async def test_a_reply_that_was_told_to_its_end_has_ended_however_the_server_goes(orderly: bool) -> None:
    told = leaving("Eos", AUDIO, *SPOKEN, orderly=orderly)
    async with engine_before(told) as (engine, _), engine.open("") as utterance:
        await utterance.speak("w0 w1 w2 w3 w4 w5")
        await utterance.finish()
        assert len(words(await heard(utterance))) == 6


@pytest.mark.unmute("B24")
@pytest.mark.parametrize("message", [b"\xc1", packed("Audio", pcm=["x"]), packed("Error", message="secret"), "text"])
async def test_what_an_engine_says_wrong_ends_the_reply(message: bytes | str) -> None:
    async def say(stream: Stream, server: MoshiServer) -> None:
        del server
        await stream.send(READY)
        await stream.send(message)
        await stream.until_closed()

    async with engine_before(say) as (engine, server):
        async with engine.open("") as utterance:
            with pytest.raises(MeshError) as caught:
                await heard(utterance)
        assert isinstance(caught.value, UpstreamDown)
        assert "secret" not in caught.value.message
        await server.until(lambda: server.used == 0)


async def test_nothing_to_say_is_said_at_once() -> None:
    async with engine_before(speaking) as (engine, _), engine.open("") as utterance:
        await utterance.speak("  ")
        await utterance.finish()
        assert await heard(utterance) == []
