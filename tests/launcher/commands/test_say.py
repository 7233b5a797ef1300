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
from tests.fakes.conversation import FakeConversation, conversation_server
from tests.launcher.conftest import Parley

FRAME = 1_920


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
