"""The engine, and a stand-in that speaks the real wire."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, get_type_hints

import pytest
from openai.types.audio.speech_create_params import SpeechCreateParams
from prometheus_client import CollectorRegistry

from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import parse_urls
from mesh.errors import AtCapacity, InvalidRequest, MeshError, UpstreamDown, UpstreamMisconfigured, VoiceNotFound
from mesh.pool import Options
from standins.faults import Close, Full, Garbage, Http, Stall
from tests.openai_audio.server import SECONDS_PER_LETTER, AudioOptions, AudioServer
from tests.tts_proxy.spoken import Spoken, spoken, taken
from tts_proxy.clauses.streaming import letters_of
from tts_proxy.engine import Audio, Word
from tts_proxy.engines.openai import engine as engine_module
from tts_proxy.engines.openai.engine import OpenAiSpeechEngine, SpeechOptions, openai_speech_engine

KEY = "sk-right"
TEXT = "Good morning, it is a quarter past seven. Shall we begin?"
SPEECH = SpeechOptions(model="tts-1", voice="alloy")


class Opened:
    def __init__(self, engine: OpenAiSpeechEngine, registry: CollectorRegistry) -> None:
        self.engine = engine
        self._registry = registry

    def metric(self, name: str) -> float | None:
        return self._registry.get_sample_value(name)


@asynccontextmanager
async def opened(
    *servers: AudioServer, key: str = KEY, speech: SpeechOptions = SPEECH, urls: tuple[str, ...] = (), capacity: int = 8
) -> AsyncIterator[Opened]:
    registry = CollectorRegistry()
    async with openai_speech_engine(
        parse_urls([*(server.url for server in servers), *urls]),
        speech,
        key=key,
        options=Options(most_leases=capacity, try_limit_s=2.0, search_limit_s=4.0),
        meter=LeaseMetrics("tts", capacity, registry),
        probed_every_s=0.05,
        patience_s=0.05,
    ) as engine:
        yield Opened(engine, registry)


@asynccontextmanager
async def one(**options: Any) -> AsyncIterator[tuple[AudioServer, OpenAiSpeechEngine]]:
    async with AudioServer(AudioOptions(**options)).serving() as server, opened(server) as it:
        yield server, it.engine


async def failure(engine: OpenAiSpeechEngine, voice: str = "") -> MeshError:
    with pytest.raises(MeshError) as caught:
        await spoken(engine, TEXT, voice)
    return caught.value


def assert_timed(said: Spoken, text: str) -> None:
    """Every word once, in order, within the audio."""
    assert [word.text for word in said.words] == text.split()
    starts = [word.start_s for word in said.words]
    assert starts == sorted(starts)
    assert all(0 <= word.start_s <= word.stop_s <= said.length_s + 0.001 for word in said.words)


async def test_a_reply_is_a_request_for_each_clause() -> None:
    async with one(keys=(KEY,)) as (server, engine):
        said = await spoken(engine, TEXT)
        assert [each.request["input"] for each in server.speech] == [
            "Good morning,",
            "it is a quarter past seven.",
            "Shall we begin?",
        ]
        assert {each.authorization for each in server.speech} == {f"Bearer {KEY}"}
        await server.until(lambda: server.slots.used == 0)
    assert_timed(said, TEXT)
    assert said.length_s > sum(letters_of(word) for word in TEXT.split()) * SECONDS_PER_LETTER


async def test_requests_are_of_the_client_packages_shape() -> None:
    async with one() as (server, engine):
        await spoken(engine, "Hello.", "echo")
    request = server.speech[0].request
    assert request.keys() <= get_type_hints(SpeechCreateParams).keys()
    assert SpeechCreateParams.__required_keys__ <= request.keys()
    assert request == {"model": "tts-1", "input": "Hello.", "voice": "echo", "response_format": "pcm"}


async def test_more_fields_go_into_every_request() -> None:
    speech = SpeechOptions(model="tts-1", voice="alloy", extra={"speed": 1.2, "voice": "echo"})
    async with AudioServer().serving() as server, opened(server, speech=speech) as it:
        await spoken(it.engine, "Hello.")
    assert server.speech[0].request["speed"] == 1.2
    assert server.speech[0].request["voice"] == "echo"


@pytest.mark.parametrize("url", ["", "/v1", "/v1/"])
async def test_a_url_may_end_with_the_version(url: str) -> None:
    async with AudioServer().serving() as server, opened(urls=(server.url + url,)) as it:
        assert (await spoken(it.engine, "Hello.")).length_s > 0.4


async def test_words_come_before_the_audio_that_holds_them() -> None:
    async with one() as (_, engine), engine.open("") as utterance:
        await utterance.speak(TEXT)
        await utterance.finish()
        given_s = 0.0
        async for event in utterance:
            match event:
                case Audio(pcm):
                    given_s += len(pcm) / 48_000
                case Word(_, start_s, _):
                    assert start_s >= given_s


async def test_word_times_are_learnt() -> None:
    words = ["Wonderful", "mountains", "surround", "everything", "here"]
    async with one() as (_, engine):
        await spoken(engine, TEXT)
        said = await spoken(engine, " ".join(words))
    true_s, off = 0.0, []
    for word, heard in zip(words, said.words, strict=True):
        off.append(abs(heard.start_s - true_s))
        true_s += letters_of(word) * SECONDS_PER_LETTER
    # The first guess would be off by a second at the end: 0.07 s for a letter in place of 0.1 s.
    assert max(off) < 0.3


async def test_audio_comes_before_a_clause_is_complete() -> None:
    async with one(piece_s=0.02) as (server, engine), engine.open("") as utterance:
        await utterance.speak("Internationalisation straightforwardly accomplished.")
        await utterance.finish()
        async for event in utterance:
            if isinstance(event, Audio):
                break
        assert not server.speech[0].over


async def test_leaving_closes_the_request() -> None:
    async with one(piece_s=0.05) as (server, engine):
        async with engine.open("") as utterance:
            await utterance.speak("Internationalisation straightforwardly accomplished.")

            async def listen() -> None:
                async for _ in utterance:
                    pass

            listening = asyncio.create_task(listen())
            await server.until(lambda: bool(server.speech) and server.speech[0].pieces > 2)
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
            await server.until(lambda: server.speech[0].over)
            assert server.slots.used == 0
        assert len(server.speech) == 1
        # The slot is free again.
        assert (await spoken(engine, "Hello.")).words


@pytest.mark.parametrize(
    ("rate", "kind", "wav"),
    [
        (24_000, "audio/pcm", False),
        (24_000, "application/octet-stream", False),
        (16_000, "audio/pcm; rate=16000", False),
        (48_000, "audio/L16;rate=48000;channels=1", False),
        (22_050, "audio/wav", True),
        (24_000, "audio/pcm", True),
        (8_000, "audio/x-wav", True),
    ],
)
async def test_sound_is_read_as_the_answer_says(rate: int, kind: str, wav: bool) -> None:
    async with one(sample_rate=rate, content_type=kind, wav=wav) as (_, engine):
        said = await spoken(engine, "Hello.")
    assert said.length_s == pytest.approx(5 * SECONDS_PER_LETTER, abs=0.02)
    assert said.level(0.1, 0.4) == pytest.approx(8_000 / 2**0.5, rel=0.05)


async def test_a_setting_tells_the_rate_that_an_answer_leaves_out() -> None:
    speech = SpeechOptions(model="tts-1", voice="alloy", sample_rate=16_000)
    async with AudioServer(AudioOptions(sample_rate=16_000)).serving() as server, opened(server, speech=speech) as it:
        assert (await spoken(it.engine, "Hello.")).length_s == pytest.approx(0.5, abs=0.02)


async def test_a_format_that_cannot_be_read_is_a_setting_to_change() -> None:
    async with one(content_type="audio/mpeg") as (_, engine):
        error = await failure(engine)
    assert isinstance(error, UpstreamMisconfigured)
    assert "audio/mpeg" in error.message


async def test_a_wrong_key_is_told_at_once_and_not_repeated() -> None:
    async with AudioServer(AudioOptions(keys=(KEY,))).serving() as server, opened(server, key="wrong") as it:
        assert not it.engine.available
        with pytest.raises(UpstreamMisconfigured, match="refuses the key: Incorrect API key provided: ") as caught:
            async with it.engine.open(""):
                pass
    assert "wrong" not in caught.value.message
    assert not server.speech


async def test_a_model_that_is_not_there_is_a_setting_to_change() -> None:
    async with one(models=("kokoro",)) as (_, engine):
        error = await failure(engine)
    assert isinstance(error, UpstreamMisconfigured)
    assert "The model tts-1 does not exist" in error.message


async def test_a_full_server_says_when_to_come_back() -> None:
    async with one(retry_after="7") as (server, engine):
        server.break_down(Full())
        error = await failure(engine)
    assert isinstance(error, AtCapacity)
    assert error.retry_after == 7


async def test_another_server_is_asked_where_one_is_full() -> None:
    async with AudioServer().serving() as full, AudioServer().serving() as free, opened(full, free) as it:
        full.break_down(Full())
        for _ in range(4):
            assert_timed(await spoken(it.engine, TEXT), TEXT)
        assert not full.speech
        assert it.metric("parley_tts_leases_peak") == 1
        assert it.metric("parley_tts_engines_answering") == 2


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_failing_server_is_down(status: int) -> None:
    async with one() as (server, engine):
        server.break_down(Http(status=status))
        assert isinstance(await failure(engine), UpstreamDown)


async def test_a_refused_request_is_told_without_what_was_said() -> None:
    async with one() as (server, engine):
        server.break_down(Http(status=413))
        error = await failure(engine)
    assert isinstance(error, InvalidRequest)
    assert "that went wrong" not in error.message


async def test_a_server_that_is_not_there_is_refused_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with opened(urls=(f"http://127.0.0.1:{unused.getsockname()[1]}",)) as it:
            assert not it.engine.available
            assert isinstance(await failure(it.engine), UpstreamDown)


@pytest.mark.parametrize("how", ["reset", "eof"])
async def test_a_server_that_dies_in_the_middle_is_lost(how: Literal["reset", "eof"]) -> None:
    async with one() as (server, engine):
        server.break_down(Close(after=3, how=how))
        assert isinstance(await failure(engine), UpstreamDown)
        server.recover()
        assert_timed(await spoken(engine, TEXT), TEXT)


async def test_a_clause_of_which_nothing_was_heard_is_begun_again() -> None:
    async with AudioServer().serving() as dies, AudioServer().serving() as lives, opened(dies, lives) as it:
        dies.break_down(Close(after=0, how="reset"))
        said = [await spoken(it.engine, "Hello.") for _ in range(6)]
        assert all(each.words for each in said)


async def test_a_server_that_stalls_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_STALL_LIMIT_S", 0.2)
    async with one() as (server, engine):
        server.break_down(Stall(after=2))
        error = await failure(engine)
        assert isinstance(error, UpstreamDown)
        await server.until(lambda: server.speech[-1].over)


async def test_nonsense_is_not_spoken() -> None:
    async with one() as (server, engine):
        server.break_down(Garbage())
        error = await failure(engine)
    assert isinstance(error, UpstreamDown)
    assert "text/html" in error.message


async def test_a_voice_that_the_server_does_not_list_is_not_found() -> None:
    async with one(lists_voices=True) as (_, engine):
        with pytest.raises(VoiceNotFound):
            async with engine.open("en-us-heart"):
                pass
        assert (await spoken(engine, "Hello.", "echo")).words
        async with engine.open("alloy(2)+echo"):
            pass


async def test_a_voice_that_the_server_refuses_is_replaced_and_remembered() -> None:
    async with one() as (server, engine):
        said = await spoken(engine, TEXT, "en-us-heart")
        assert_timed(said, TEXT)
        assert {each.request["voice"] for each in server.speech} == {"alloy"}
        with pytest.raises(VoiceNotFound):
            async with engine.open("en-us-heart"):
                pass


async def test_a_default_voice_that_is_not_there_is_told() -> None:
    async with one(voices=("af_heart",)) as (_, engine):
        assert isinstance(await failure(engine), VoiceNotFound)


async def test_custom_voices_are_made_for_another_engine() -> None:
    async with one() as (_, engine):
        with pytest.raises(VoiceNotFound):
            async with engine.open("custom:x", b"embedding"):
                pass


async def test_more_replies_than_there_is_room_for_are_refused() -> None:
    async with AudioServer().serving() as server, opened(server, capacity=1) as it, it.engine.open(""):
        with pytest.raises(AtCapacity):
            async with it.engine.open(""):
                pass


async def test_nothing_to_say_asks_nobody() -> None:
    async with one() as (server, engine), engine.open("") as utterance:
        await utterance.speak("— …")
        await utterance.finish()
        assert (await taken(utterance)).length_s == 0
        assert not server.speech
