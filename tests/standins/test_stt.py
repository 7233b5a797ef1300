from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from standins.stt.engine import SttEngine
from standins.stt.options import SttOptions
from tests.standins.clients import connected, packed, silence, sound, told

QUICK = SttOptions(step_s=0.0)


async def heard(socket: ClientConnection, steps: int) -> list[dict[str, Any]]:
    """What is said up to the so-manieth step and with it."""
    said: list[dict[str, Any]] = []
    while sum(each["type"] == "Step" for each in said) < steps:
        said.append(await told(socket))
    await socket.send(packed("Init"))
    while (message := await told(socket))["type"] != "Ready":
        said.append(message)
    return said


def words(said: list[dict[str, Any]]) -> list[str]:
    return [each["text"] for each in said if each["type"] == "Word"]


async def test_words_come_six_frames_after_their_end() -> None:
    async with SttEngine(QUICK).serving() as stt, connected(stt) as socket:
        assert await told(socket) == {"type": "Ready"}
        await socket.send(sound(5))
        await socket.send(silence(8))
        said = await heard(socket, 13)
    kinds = [each["type"] for each in said]
    assert kinds == [*["Step"] * 11, "Word", "Step", "EndWord", "Step"]
    assert said[11] == {"type": "Word", "text": "the", "start_time": 0.0}
    assert said[13] == {"type": "EndWord", "stop_time": 0.4}


async def test_a_flush_of_eight_frames_of_zeros_brings_the_last_word() -> None:
    async with SttEngine(QUICK).serving() as stt, connected(stt) as socket:
        await told(socket)
        await socket.send(sound(13))
        await socket.send(silence(8))
        said = await heard(socket, 21)
    assert words(said) == ["the", "river", "runs"]
    assert said[-1]["type"] == "Step"
    assert [each["stop_time"] for each in said if each["type"] == "EndWord"] == pytest.approx([0.4, 0.8, 1.04])


async def test_heads_report_a_pause_after_five_silent_frames() -> None:
    async with SttEngine(QUICK).serving() as stt, connected(stt) as socket:
        await told(socket)
        await socket.send(sound(12))
        await socket.send(silence(8))
        scores = [each["prs"] for each in await heard(socket, 20) if each["type"] == "Step"]
    assert [score[2] > 0.6 for score in scores[12:]] == [False] * 4 + [True] * 4
    assert [score[0] > 0.6 for score in scores[12:]] == [False] * 2 + [True] * 6


async def test_the_first_scores_mean_nothing() -> None:
    async with SttEngine(QUICK).serving() as stt, connected(stt) as socket:
        await told(socket)
        await socket.send(sound(14))
        scores = [each["prs"][2] > 0.6 for each in await heard(socket, 14) if each["type"] == "Step"]
    assert scores == [True, False] * 6 + [False] * 2


async def test_each_stretch_of_speech_is_the_next_text_of_the_script() -> None:
    options = SttOptions(step_s=0.0, script=("what time is it", "thank you"))
    async with SttEngine(options).serving() as stt, connected(stt) as socket:
        await told(socket)
        for frames in (3, 40, 1):
            await socket.send(sound(frames))
            await socket.send(silence(8))
        said = await heard(socket, 44 + 24)
        assert words(said) == ["what", "time", "is", "it", "thank", "you", "what", "time", "is", "it"]
        assert (await stt.session()).words == words(said)


async def test_frames_are_cut_from_messages_of_any_length() -> None:
    async with SttEngine(QUICK).serving() as stt, connected(stt) as socket:
        await told(socket)
        for length in (1_000, 1_000, 4_000, 1_679):
            await socket.send(packed("Audio", pcm=[0.0] * length))
        steps = [await told(socket) for _ in range(3)]
        assert steps[0]["buffered_pcm"] == 80
        await socket.send(packed("Audio", pcm=[0.0]))
        assert (await told(socket))["buffered_pcm"] == 0


async def test_a_marker_is_echoed_once_the_model_is_past_it() -> None:
    async with SttEngine(QUICK).serving() as stt, connected(stt) as socket:
        await told(socket)
        await socket.send(sound(2))
        await socket.send(packed("Marker", id=7))
        await socket.send(silence(10))
        said = await heard(socket, 12)
    at = said.index({"type": "Marker", "id": 7})
    assert 7 <= sum(each["type"] == "Step" for each in said[:at]) <= 8


async def test_steps_are_counted_by_the_server() -> None:
    async with SttEngine(QUICK).serving() as stt:
        for number in (1, 2):
            async with connected(stt) as socket:
                await told(socket)
                await socket.send(silence())
                assert (await told(socket))["step_idx"] == number
    assert stt.slots.counts() == {"capacity": 64, "used": 0, "peak": 1, "granted": 2, "refused": 0}


async def test_an_old_server_sends_an_empty_word_and_no_buffered_pcm() -> None:
    async with SttEngine(SttOptions(old=True)).serving() as stt, connected(stt) as socket:
        await told(socket)
        assert await told(socket) == {"type": "Word", "text": "", "start_time": 0.0}
        await socket.send(silence())
        assert "buffered_pcm" not in await told(socket)


async def test_a_full_server_says_so_and_closes_without_a_code() -> None:
    async with SttEngine(SttOptions(slots=1)).serving() as stt, connected(stt) as first:
        await told(first)
        async with connected(stt) as second:
            assert await told(second) == {"type": "Error", "message": "no free channels"}
            with pytest.raises(ConnectionClosed):
                await second.recv()
            assert second.close_code == 1005
        assert stt.slots.counts() == {"capacity": 1, "used": 1, "peak": 1, "granted": 1, "refused": 1}


async def test_what_cannot_be_read_ends_the_connection_without_a_close_frame() -> None:
    async with SttEngine().serving() as stt, connected(stt) as socket:
        await told(socket)
        await socket.send("text is ignored")
        await socket.send(b"\xc1")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1006
        await stt.slots.until_free()


@pytest.mark.parametrize(
    ("query", "headers", "taken"),
    [
        ("", {"kyutai-api-key": "public_token"}, True),
        ("?auth_id=public_token", {"x": "y"}, True),
        ("?auth_id=public_token", {"kyutai-api-key": "wrong"}, False),
        ("?auth_id=wrong", {"x": "y"}, False),
        ("", {"x": "y"}, False),
    ],
)
async def test_the_header_goes_before_the_query(query: str, headers: dict[str, str], taken: bool) -> None:
    async with SttEngine().serving() as stt:
        if taken:
            async with connected(stt, query, **headers) as socket:
                assert await told(socket) == {"type": "Ready"}
        else:
            with pytest.raises(InvalidStatus) as refused:
                async with connected(stt, query, **headers):
                    pass
            assert (refused.value.response.status_code, refused.value.response.body) == (401, b"")


async def test_a_silent_client_is_pinged_and_lives_as_long_as_it_answers() -> None:
    options = SttOptions(ping_s=0.02, silence_limit_s=0.5, binary_limit_s=0.3)
    async with SttEngine(options).serving() as stt, connected(stt) as socket:
        await told(socket)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1006
        await stt.slots.until_free()


async def test_a_client_without_any_sign_of_life_is_dropped() -> None:
    options = SttOptions(ping_s=60, silence_limit_s=0.1)
    async with SttEngine(options).serving() as stt, connected(stt) as socket:
        await told(socket)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1006
