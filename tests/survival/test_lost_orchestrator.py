"""An orchestrator is lost in the middle of a conversation, in each phase: the client notices a pause at most."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from chaos.link import Link
from edge.server import serving
from edge.session import stream
from edge.settings import EdgeSettings
from tests.fakes.llm import written
from tests.fakes.stt import Hearing
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH
from tests.survival.harness import Mesh, Talk, open_mesh, talk


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with open_mesh() as opened:
        yield opened


async def test_one_that_hangs_while_an_answer_is_due_is_left_before_its_connection_is_lost(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mesh.rpc.channels._OPTIONS", ())  # no pings
    links = [Link("127.0.0.1", int(each.address.rpartition(":")[2])) for each in mesh.orchestrators]
    for link in links:
        await link.listen()
        mesh.exits.push_async_callback(link.close)
    edge = await mesh.exits.enter_async_context(
        serving(
            EdgeSettings(
                port=0, orchestrator_target=",".join(link.address for link in links), voices_target="127.0.0.1:9"
            ),
            registry=CollectorRegistry(),
        )
    )
    mesh.llm.first = [never]
    async with talk(edge.port, typedOnly=True) as client:
        await client.send(text={"text": "Hello?"})
        await client.until("replyCreated")
        await mesh.llm.messages(0)
        links[mesh.orchestrators.index(mesh.busy())].darken()
        assert (await client.until("replyFinished"))["text"] == "Well, hello there."


async def never(_request: dict[str, Any]) -> AsyncIterator[str]:
    await asyncio.Event().wait()
    yield ""


async def test_between_two_turns_the_next_is_answered_with_the_whole_history(mesh: Mesh) -> None:
    session = {"instructions": {"prompt": "Be kind."}, "voice": "alto"}
    async with talk(mesh.edge.port, session=session, typedOnly=True) as client:
        await client.send(text={"text": "Hello?"})
        await client.until("replyFinished")
        await mesh.busy().kill()
        await client.send(text={"text": "And now?"})
        ended = await client.until("userTurnEnded")
        created = await client.until("replyCreated")
        await client.until("replyFinished")
    assert await mesh.llm.messages(1) == [
        ("system", "Be kind."),
        ("user", "Hello?"),
        ("assistant", "Well, hello there."),
        ("user", "And now?"),
    ]
    assert (ended["itemId"], created["replyId"], created["voice"]) == ("item_3", "reply_2", "alto")
    assert len(client.told("started")) == 1
    assert mesh.tts.asked_voices == ["alto", "alto"]


SPOKEN = {"instructions": {"prompt": "Be kind."}}
ENDLESS = ("One", " two", " three", " four", " five", " six.")


async def listens(mesh: Mesh, client: Talk, number: int = 0) -> Hearing:
    """The recogniser that hears the client; its first frames are silence."""
    hearing = await mesh.stt.hearing(number)
    await client.play(SILENCE, 2)
    return hearing


async def says(client: Talk, hearing: Hearing, *words: str) -> None:
    """Speak these words, without the pause after them."""
    for text in words:
        await client.play(SPEECH, 4)
        await client.until("userSpeechStarted") if not client.told("userSpeechStarted") else None
        hearing.word(text)
        await client.until("userWordRecognized")


async def test_in_the_middle_of_a_turn_its_words_are_kept_and_the_rest_is_heard_once(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, session=SPOKEN) as client:
        await says(client, await listens(mesh, client), "I", "am")
        await mesh.busy().kill()
        await client.play(SPEECH, 2)  # while nobody listens
        second = await mesh.stt.hearing(1)
        await second.until(lambda: len(second.audio) >= 2 * len(SPEECH))
        second.word("Ann.")
        await client.play(SILENCE, 12)
        ended = await client.until("userTurnEnded")
        await client.until("replyFinished")
    assert ended["text"] == "I am Ann."
    assert [word["text"] for word in client.told("userWordRecognized")] == ["I", "am", "Ann."]
    assert len({each["itemId"] for each in client.told("userSpeechStarted")}) == 1
    assert second.base == pytest.approx(float(client.told("userWordRecognized")[1]["endOffset"].rstrip("s")), abs=0.01)
    assert await mesh.llm.messages() == [("system", "Be kind."), ("user", "I am Ann.")]


async def test_a_reply_that_nobody_has_heard_is_given_by_another(mesh: Mesh) -> None:
    thinking = asyncio.Event()

    async def thinks(_request: dict[str, Any]) -> AsyncIterator[str]:
        thinking.set()
        await asyncio.Event().wait()
        yield ""

    mesh.llm.first = [thinks]
    async with talk(mesh.edge.port, session=SPOKEN, typedOnly=True) as client:
        await client.send(text={"text": "Hello?"})
        await client.until("replyCreated")
        await thinking.wait()
        await mesh.busy().kill()
        finished = await client.until("replyFinished")
    assert finished["text"] == "Well, hello there."
    assert await mesh.llm.messages(1) == await mesh.llm.messages(0)
    assert [each["cause"] for each in client.told("replyCancelled")] == ["CANCEL_CAUSE_RESUMED"]


@pytest.mark.parametrize("typed_only", [True, False], ids=["typed only", "with a recogniser"])
async def test_a_reply_goes_on_with_the_first_word_that_was_not_heard(mesh: Mesh, typed_only: bool) -> None:
    mesh.llm.script, mesh.tts.script = slowly(*ENDLESS), spoken(4)
    with capture_logs() as logs:
        await reply_goes_on(mesh, typed_only)
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


def slowly(*words: str) -> Callable[[dict[str, Any]], AsyncIterator[str]]:
    """The reply is heard while it is written, so its last checkpoint has sound that is still to be played."""

    async def writes(_request: dict[str, Any]) -> AsyncIterator[str]:
        for word in words:
            yield word
            await asyncio.sleep(0.03)

    return writes


async def reply_goes_on(mesh: Mesh, typed_only: bool) -> None:
    async with talk(mesh.edge.port, session=SPOKEN, typedOnly=typed_only) as client:
        await client.send(text={"text": "Count!"})
        while len(client.told("replyWordSpoken")) < 3:
            await client.next()
        await mesh.busy().kill()
        cut = await client.until("replyCancelled")
        rest = await client.until("replyFinished")
        await client.send(text={"text": "And?"})
        await client.until("replyCreated")
    assert cut["heardText"] in ("One two", "One two three")
    assert f"{cut['heardText']} {rest['text']}" == "One two three four five six."
    assert await mesh.llm.messages(1) == [
        ("system", "Be kind."),
        ("user", "Count!"),
        ("assistant", "One two three four five six."),
        ("user", "And?"),
    ]


@pytest.mark.parametrize("rest", [" four five.", "One two three four five."], ids=["goes on", "begins again"])
async def test_the_model_is_asked_for_the_rest_of_a_reply_that_it_was_writing(mesh: Mesh, rest: str) -> None:
    async def writes(_request: dict[str, Any]) -> AsyncIterator[str]:
        for token in ("One", " two", " three", " fo"):
            yield token
        await asyncio.Event().wait()

    mesh.llm.first = [writes, written(rest)]
    mesh.tts.script = spoken(4)
    async with talk(mesh.edge.port, session=SPOKEN, typedOnly=True) as client:
        await client.send(text={"text": "Count!"})
        while len(client.told("replyWordSpoken")) < 2:
            await client.next()
        await mesh.busy().kill()
        cut = await client.until("replyCancelled")
        finished = await client.until("replyFinished")
    assert f"{cut['heardText']} {finished['text']}" == "One two three four five."
    assert (await mesh.llm.messages(1))[:3] == [
        ("system", "Be kind."),
        ("user", "Count!"),
        ("assistant", "One two three"),
    ]


@pytest.mark.parametrize("interrupts", [True, False], ids=["a word", "a cough"])
async def test_a_reply_that_is_held_waits_for_what_the_person_says(mesh: Mesh, interrupts: bool) -> None:
    mesh.llm.script, mesh.tts.script = written(*ENDLESS), spoken(4)
    async with talk(mesh.edge.port, session=SPOKEN) as client:
        await listens(mesh, client)
        await client.send(text={"text": "Count!"})
        await client.until("replyFinished")
        await client.send(text={"text": "Again!"})
        while len(client.told("replyWordSpoken")) < 8:
            await client.next()
        await client.play(SPEECH, 2)
        await client.until("replyHeld")
        await mesh.busy().kill()
        second = await mesh.stt.hearing(1)
        await client.until("replyCancelled")
        if interrupts:
            second.word("Stop.")
            await client.play(SILENCE, 12)
            ended = await client.until("userTurnEnded")
            assert ended["text"] == "Stop."
            *_, heard, _said = await mesh.llm.messages(2)
            assert heard[0] == "assistant"
            assert heard[1] in ("One", "One two")
        else:
            await client.play(SILENCE, 12)
            await client.until("userTurnDiscarded")
            rest = await client.until("replyFinished")
            assert rest["text"].endswith("three four five six.")


async def test_what_was_asked_while_nobody_was_there_is_done(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, session=SPOKEN, typedOnly=True) as client:
        for one in mesh.orchestrators:
            await one.kill()
        await client.send(requestId="u", update={"session": {"voice": "bass"}})
        await client.send(requestId="t", text={"text": "Hello?"})
        await mesh.orchestrators[0].start()
        created = await client.until("replyCreated")
        await client.until("replyFinished")
    assert created["voice"] == "bass"
    assert [event.get("requestId") for event in client.events if "userTurnEnded" in event] == ["t"]
    assert len(client.told("userTurnEnded")) == 1


async def test_a_conversation_that_was_lost_again_and_again_is_given_up(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, typedOnly=True) as client:
        for number in range(4):
            await client.send(text={"text": "Hello?"})
            await client.until("replyFinished")
            busy = mesh.busy()
            await busy.kill()
            if number < 3:
                await busy.start()
        error = (await client.next())["error"]
    assert error["reason"] == "UPSTREAM_DOWN"


async def test_without_a_common_key_it_is_lost_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_RESUME_LIMIT_S", 0.0)
    async with open_mesh(checkpoint_key=None) as mesh, talk(mesh.edge.port, typedOnly=True) as client:
        await client.send(text={"text": "Hello?"})
        await client.until("replyFinished")
        await mesh.busy().kill()
        assert (await client.next())["error"]["message"] == "The conversation was lost. Please try again."
        await client.websocket.wait_closed()
        assert client.websocket.close_code == 1011
