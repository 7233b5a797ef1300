import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from launcher.calling.audio import read_audio
from launcher.main import main
from mesh.rpc.server import GrpcServer
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.fakes.conversation import Conversation, FakeConversation, conversation_server
from tests.launcher.conftest import Parley

FRAME = 1_920
VOICES_OF_THE_PAGE = (Path(__file__).parents[3] / "edge" / "page" / "voices.js").read_text()


@pytest.fixture
def fake() -> FakeConversation:
    return FakeConversation()


@pytest.fixture
async def orchestrator(fake: FakeConversation) -> AsyncIterator[GrpcServer]:
    async with conversation_server(fake) as server:
        yield server


async def test_the_answer_is_printed_and_kept(
    fake: FakeConversation, orchestrator: GrpcServer, tmp_path: Path, parley: Parley
) -> None:
    reply = tmp_path / "reply.wav"
    said = asyncio.create_task(parley("say", "Hello there!", "--target", orchestrator.address, "--out", reply))
    far_end = await fake.next_conversation()
    assert far_end.config.typed_only
    assert (await far_end.next_request()).text.text == "Hello there!"
    assert (await far_end.next_request()).HasField("finish")
    await far_end.say(reply_created={"reply_id": "r1"})
    await far_end.say(reply_text_delta={"reply_id": "r1", "text": "Hi!"})
    await far_end.say(reply_audio={"reply_id": "r1", "audio": np.full(FRAME, 1_000, "<i2").tobytes()})
    await far_end.say(reply_word_spoken={"reply_id": "r1", "text": "Hi!"})
    await far_end.say(reply_finished={"reply_id": "r1"})
    await far_end.end(conversation.END_CAUSE_FINISHED)
    ran = await said
    assert ran.code == 0, ran.err
    assert ran.out == "parley: Hi!\n"
    assert (read_audio(reply) == 1_000).all()


@pytest.mark.parametrize("consent", [True, False])
async def test_consent_is_given_only_when_asked_for(
    fake: FakeConversation, orchestrator: GrpcServer, parley: Parley, *, consent: bool
) -> None:
    options = ["--allow-recording"] if consent else []
    said = asyncio.create_task(parley("say", "Hello!", "--target", orchestrator.address, *options))
    far_end = await fake.next_conversation()
    assert far_end.config.session.recording_consent is consent
    assert (await far_end.next_request()).HasField("text")
    assert (await far_end.next_request()).HasField("finish")
    await far_end.say(reply_created={"reply_id": "r1"})
    await far_end.say(reply_finished={"reply_id": "r1"})
    await far_end.end(conversation.END_CAUSE_FINISHED)
    assert (await said).code == 0


async def test_the_answer_may_be_only_written(fake: FakeConversation, orchestrator: GrpcServer, parley: Parley) -> None:
    said = asyncio.create_task(parley("say", "Hello!", "--text-only", "--target", orchestrator.address))
    far_end = await fake.next_conversation()
    assert far_end.config.session.reply_modality == conversation.REPLY_MODALITY_TEXT
    await far_end.next_request("finish")
    for word in ("Hi", " there!"):
        await far_end.say(reply_text_delta={"reply_id": "r1", "text": word})
    await far_end.say(reply_finished={"reply_id": "r1"})
    await far_end.end(conversation.END_CAUSE_FINISHED)
    ran = await said
    assert (ran.code, ran.out) == (0, "parley: Hi there!\n")


async def test_an_answer_that_does_not_come(fake: FakeConversation, orchestrator: GrpcServer, parley: Parley) -> None:
    ran = await parley("say", "Hello!", "--timeout", "0.1", "--target", orchestrator.address)
    assert ran.code == 3
    assert "not complete within 0.1 s" in ran.err
    await (await fake.next_conversation()).hung_up()


async def test_an_answer_that_is_not_completed(
    fake: FakeConversation, orchestrator: GrpcServer, parley: Parley
) -> None:
    said = asyncio.create_task(parley("say", "Hello!", "--target", orchestrator.address))
    far_end = await fake.next_conversation()
    await far_end.next_request("finish")
    await far_end.end(conversation.END_CAUSE_FINISHED)
    ran = await said
    assert ran.code == 3
    assert "without a complete reply" in ran.err


async def reply(far_end: Conversation, reply_id: str, text: str) -> None:
    await far_end.say(reply_created={"reply_id": reply_id})
    await far_end.say(reply_word_spoken={"reply_id": reply_id, "text": text})
    await far_end.say(reply_finished={"reply_id": reply_id})


async def test_the_character_is_the_one_that_the_page_starts_with(
    fake: FakeConversation, orchestrator: GrpcServer, parley: Parley
) -> None:
    said = asyncio.create_task(parley("say", "Hello!", "--target", orchestrator.address))
    far_end = await fake.next_conversation()
    character = far_end.config.session.instructions.character
    assert f'character: {{ kind: "{character.kind}", language: "{character.language}" }}' in VOICES_OF_THE_PAGE
    assert not far_end.config.session.HasField("voice")
    await far_end.next_request("finish")
    await reply(far_end, "r1", "Hi!")
    await far_end.end(conversation.END_CAUSE_FINISHED)
    assert (await said).code == 0


async def test_another_voice_and_another_prompt(
    fake: FakeConversation, orchestrator: GrpcServer, parley: Parley
) -> None:
    options = ("--voice", "en-gb", "--prompt", "You are a pirate.")
    said = asyncio.create_task(parley("say", "Hello!", "--target", orchestrator.address, *options))
    far_end = await fake.next_conversation()
    assert far_end.config.session.voice == "en-gb"
    assert far_end.config.session.instructions.prompt == "You are a pirate."
    await far_end.next_request("finish")
    await reply(far_end, "r1", "Arr!")
    await far_end.end(conversation.END_CAUSE_FINISHED)
    assert (await said).code == 0


async def test_several_turns_of_one_conversation(
    fake: FakeConversation, orchestrator: GrpcServer, parley: Parley
) -> None:
    said = asyncio.create_task(parley("say", "I am Ada.", "Who am I?", "--target", orchestrator.address))
    far_end = await fake.next_conversation()
    assert (await far_end.next_request()).text.text == "I am Ada."
    await reply(far_end, "r1", "Hello Ada.")
    assert (await far_end.next_request()).text.text == "Who am I?"
    assert (await far_end.next_request()).HasField("finish")
    await reply(far_end, "r2", "Ada.")
    await far_end.end(conversation.END_CAUSE_FINISHED)
    ran = await said
    assert (ran.code, ran.out) == (
        0,
        "   you: I am Ada.\nparley: Hello Ada.\n   you: Who am I?\nparley: Ada.\n",
    ), ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["hello", "--target", "127.0.0.1:9"], 1, "no orchestrator can be reached at 127.0.0.1:9"),
        ([" "], 2, "TEXT is empty"),
        (["hello", "--text-only", "--out", "reply.wav"], 2, "--text-only has no speech"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: list[str], code: int, complaint: str) -> None:
    ran = CliRunner().invoke(main, ["say", *arguments])
    assert ran.exit_code == code
    assert complaint in ran.stderr
