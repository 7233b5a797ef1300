import asyncio

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from standins.cloning import CloningEngine
from standins.engine import BadChange
from standins.faults import BadFault, Close, Faults, Full, Garbage, Http, Stall, convert, parse
from standins.stt.engine import SttEngine
from standins.stt.options import SttOptions
from standins.tts.engine import TtsEngine
from tests.standins.clients import connected, everything, packed, silence, told


def test_a_fault_is_written_as_kind_and_fields() -> None:
    assert parse("full") == Full()
    assert parse("close:how=reset,after=5,probability=0.1") == Close(how="reset", after=5, probability=0.1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("nothing", "'nothing'"),
        ("http:status=200", "400"),
        ("full:after=1", "after"),
        ("stall:after", "name=value"),
        ("close:code=1005", "how=bare"),
        ("full:probability=2", "probability"),
    ],
)
def test_a_fault_that_is_none_is_told(written: str, expected: str) -> None:
    with pytest.raises(BadFault, match=expected):
        parse(written)


def test_draws_can_be_repeated() -> None:
    draws = []
    for _ in range(2):
        faults = Faults((Full, Http), seed=3)
        faults.set([Full(probability=0.3), Http(probability=0.5)])
        draws.append([faults.draw() for _ in range(200)])
    assert draws[0] == draws[1]
    assert 30 < sum(isinstance(fault, Full) for fault in draws[0]) < 90


async def until_closed(socket: ClientConnection) -> list[bytes | str]:
    """What is said up to the end, whichever it is."""
    messages = []
    try:
        while True:
            messages.append(await socket.recv())
    except ConnectionClosed:
        return messages


async def talk_on(socket: ClientConnection) -> None:
    while True:
        await socket.send(silence(10))


async def test_full() -> None:
    async with SttEngine().serving() as stt:
        stt.break_down("full")
        async with connected(stt) as socket:
            assert await told(socket) == {"type": "Error", "message": "no free channels"}
        stt.recover()
        async with connected(stt) as socket:
            assert await told(socket) == {"type": "Ready"}
        assert (stt.slots.refused, stt.slots.granted) == (1, 1)


async def test_http() -> None:
    async with SttEngine().serving() as stt:
        stt.break_down("http:status=503")
        with pytest.raises(InvalidStatus) as refused:
            async with connected(stt):
                pass
        assert refused.value.response.status_code == 503
        assert stt.slots.granted == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("close:how=code,code=1011", 1011),
        ("close:how=bare", 1005),
        ("close:how=eof", 1006),
        ("close:how=reset", 1006),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 3])
async def test_close(fault: str, code: int, after: int) -> None:
    async with SttEngine().serving() as stt:
        stt.break_down(f"{fault},after={after}")
        async with connected(stt) as socket:
            await socket.send(silence(5))
            messages = await until_closed(socket)
            assert socket.close_code == code
            # A reset may overtake what was sent before it.
            assert len(messages) == after or "reset" in fault
        await stt.slots.until_free()


async def test_error_in_mid_stream() -> None:
    async with SttEngine().serving() as stt:
        stt.break_down("error:after=1,message=out of memory")
        async with connected(stt) as socket:
            assert await everything(socket) == [
                {"type": "Ready"},
                {"type": "Error", "message": "out of memory"},
            ]


async def test_silent_takes_a_slot_and_says_nothing() -> None:
    async with SttEngine().serving() as stt:
        stt.break_down("silent")
        async with connected(stt) as socket:
            await socket.send(silence())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await socket.recv()
            assert stt.slots.used == 1
        await stt.slots.until_free()


async def test_slow_delays_the_first_message_and_those_between() -> None:
    async with SttEngine(SttOptions(step_s=0)).serving() as stt:
        stt.break_down("slow:first=0.1,each=0.05")
        now = asyncio.get_running_loop().time
        begun = now()
        async with connected(stt) as socket:
            await socket.send(silence(3))
            arrivals = []
            for _ in range(4):
                await socket.recv()
                arrivals.append(now() - begun)
    assert all(at >= 0.09 + number * 0.045 for number, at in enumerate(arrivals))


async def test_stall_goes_on_where_it_stopped() -> None:
    async with SttEngine(SttOptions(step_s=0)).serving() as stt:
        stt.break_down(Stall(after=2, seconds=0.1))
        async with connected(stt) as socket:
            await socket.send(silence(3))
            assert [(await told(socket))["type"] for _ in range(2)] == ["Ready", "Step"]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await socket.recv()
            assert [(await told(socket))["step_idx"] for _ in range(2)] == [2, 3]


async def test_a_synthesis_that_stalls_for_good_leaks_no_slot() -> None:
    async with TtsEngine().serving() as tts:
        tts.break_down("stall:after=3")
        async with connected(tts) as socket:
            await socket.send(packed("Text", text="one two three"))
            await socket.send(packed("Eos"))
            for _ in range(3):
                await socket.recv()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await socket.recv()
            assert tts.slots.used == 1
        await tts.slots.until_free()


async def test_stray_messages_come_before_ready() -> None:
    async with TtsEngine().serving() as tts:
        tts.break_down("cross_talk:count=3")
        async with connected(tts) as socket:
            assert [(await told(socket))["type"] for _ in range(4)] == ["Text", "Audio", "Text", "Ready"]


@pytest.mark.parametrize("how", ["any", "random", "mutated", "types", "text", "huge"])
@pytest.mark.parametrize("after", [0, 1])
async def test_rude(how: str, after: int) -> None:
    async with SttEngine().serving() as stt:
        stt.break_down(convert({"kind": "garbage", "how": how, "after": after, "count": 5}))
        async with connected(stt) as socket:
            messages = [await socket.recv() for _ in range(6)]
            assert messages[5 * (1 - after)] == packed("Ready")
            del messages[5 * (1 - after)]
            if how != "any":
                assert {isinstance(message, str) for message in messages} == {how == "text"}
            if how == "huge":
                assert max(map(len, messages)) > 1 << 20


async def test_deaf_leaves_the_client_with_what_it_sends() -> None:
    async with SttEngine().serving() as stt:
        stt.break_down("stops_reading:after=1")
        async with connected(stt) as socket:
            await told(socket)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(talk_on(socket), 0.5)
            socket.transport.abort()
        # It does not notice that the client has left: neither would an engine that hangs.
        assert stt.slots.used == 1


def test_faults_an_engine_does_not_know_are_refused() -> None:
    stt = SttEngine()
    stt.break_down(Garbage())
    with pytest.raises(BadFault, match="no fault of this engine"):
        CloningEngine().break_down("full")
    with pytest.raises(BadFault, match="how"):
        stt.break_down("close:how=slowly")
    assert list(stt.faults) == [Garbage()]


async def test_the_control_route_shows_and_changes() -> None:
    async with SttEngine().serving() as stt, httpx2.AsyncClient(base_url=stt.url.replace("ws", "http")) as http:
        shown = (await http.get("/standin")).json()
        assert shown["slots"] == {"capacity": 64, "used": 0, "peak": 0, "granted": 0, "refused": 0}
        changed = await http.patch("/standin", json={"options": {"slots": 2}, "faults": ["full", {"kind": "silent"}]})
        assert changed.status_code == 200
        assert changed.json()["slots"]["capacity"] == stt.options.slots == 2
        assert [fault["kind"] for fault in changed.json()["faults"]] == ["full", "silent"]


@pytest.mark.parametrize(
    "change",
    [
        b"",
        b"[]",
        b'{"faults": ["fulll"], "options": {"slots": 1}}',
        b'{"faults": ["full"], "options": {"slotz": 1}}',
        b'{"options": {"step_s": -1}}',
        b'{"option": {}}',
    ],
)
async def test_a_change_that_does_not_fit_changes_nothing(change: bytes) -> None:
    async with SttEngine().serving() as stt, httpx2.AsyncClient(base_url=stt.url.replace("ws", "http")) as http:
        answer = await http.patch("/standin", content=change)
        assert answer.status_code == 400
        assert answer.json()["error"]
        assert (stt.options, list(stt.faults)) == (SttOptions(), [])


def test_a_change_is_checked() -> None:
    with pytest.raises(BadChange, match="slots"):
        SttEngine().change(slots="many")


async def test_what_the_server_tells_of_itself() -> None:
    async with SttEngine().serving() as stt, httpx2.AsyncClient(base_url=stt.url.replace("ws", "http")) as http:
        async with connected(stt) as socket:
            await told(socket)
            info = (await http.get("/api/modules_info")).json()
            metrics = (await http.get("/metrics")).text
        assert (await http.get("/api/build_info")).json()["git_branch"]
        assert (await http.get("/nowhere")).status_code == 404
    assert info == [
        {
            "type": "batched_asr",
            "lm": "stand-in",
            "audio_tokenizer": "stand-in",
            "path": "/api/asr-streaming",
            "used_slots": "1",
            "total_slots": "64",
        }
    ]
    assert "asr_open_channels 1\n" in metrics


@pytest.mark.parametrize(
    ("former", "present"), [("rude:count=2", "garbage:count=2"), ("deaf", "stops_reading"), ("stray", "cross_talk")]
)
def test_former_names_still_work(former: str, present: str) -> None:
    assert parse(former) == parse(present)
