import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from launcher.calling.audio import read_audio, write_wav
from launcher.main import main
from mesh.rpc.server import GrpcServer
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.fakes.conversation import Conversation, FakeConversation, conversation_server
from tests.launcher.conftest import Parley

LOUD = 8_000
FRAME = 1_920


@pytest.fixture
def fake() -> FakeConversation:
    return FakeConversation()


@pytest.fixture
async def orchestrator(fake: FakeConversation) -> AsyncIterator[GrpcServer]:
    async with conversation_server(fake) as server:
        yield server


@pytest.fixture
async def edge(orchestrator: GrpcServer) -> AsyncIterator[EdgeServer]:
    settings = EdgeSettings(port=0, orchestrator_target=orchestrator.address, voices_target="127.0.0.1:9")
    async with serving(settings, registry=CollectorRegistry()) as server:
        yield server


@pytest.fixture
def question(tmp_path: Path) -> Path:
    """Half a second of a tone."""
    path = tmp_path / "question.wav"
    write_wav(path, np.rint(LOUD * np.sin(0.1 * np.arange(12_000))).astype(np.int16))
    return path


async def answer(far_end: Conversation) -> None:
    """Listen until the sound is followed by silence, and answer."""
    heard_sound = False
    while True:
        request = await far_end.next_request("audio")
        loudest = np.abs(np.frombuffer(request.audio.audio, "<i2").astype(np.int32)).max()
        heard_sound |= bool(loudest > LOUD / 4)
        if heard_sound and loudest < LOUD / 100:
            break
    await far_end.say(user_speech_started={"item_id": "i1"})
    for word in ("what", "time"):
        await far_end.say(user_word_recognized={"item_id": "i1", "text": word})
    await far_end.say(reply_created={"reply_id": "r1", "item_id": "i2"})
    for word in ("It", "is", "late."):
        await far_end.say(reply_word_spoken={"reply_id": "r1", "text": word})
        await far_end.say(reply_audio={"reply_id": "r1", "audio": np.full(FRAME, 1_000, "<i2").tobytes()})
    await far_end.say(reply_released={"reply_id": "r1", "text": "It is late."})
    await far_end.say(reply_finished={"reply_id": "r1", "text": "It is late."})


async def test_a_question_over_the_websocket(
    fake: FakeConversation, edge: EdgeServer, question: Path, tmp_path: Path, parley: Parley
) -> None:
    reply = tmp_path / "reply.wav"
    call = asyncio.create_task(parley("call", question, "--url", f"ws://127.0.0.1:{edge.port}", "--out", reply))
    far_end = await fake.next_conversation()
    await answer(far_end)
    await far_end.hung_up()
    ran = await call
    assert ran.code == 0, ran.err
    assert ran.out == "   you: what time\nparley: It is late.\n"
    assert "the answer began" in ran.err
    assert f"s of speech are in {reply}" in ran.err
    assert len(read_audio(reply)) >= 3 * FRAME


async def test_a_question_over_grpc(
    fake: FakeConversation, orchestrator: GrpcServer, question: Path, tmp_path: Path, parley: Parley
) -> None:
    reply = tmp_path / "reply.wav"
    call = asyncio.create_task(parley("call", question, "--grpc", "--target", orchestrator.address, "--out", reply))
    far_end = await fake.next_conversation()
    assert far_end.config.input_format.sample_rate_hertz == 24_000
    assert far_end.config.session.instructions.character.kind == "smalltalk"
    await answer(far_end)
    ran = await call
    assert ran.code == 0, ran.err
    assert ran.out == "   you: what time\nparley: It is late.\n"
    assert (read_audio(reply) == 1_000).all()
    assert len(read_audio(reply)) == 3 * FRAME


async def test_no_answer_in_time(
    fake: FakeConversation, orchestrator: GrpcServer, question: Path, tmp_path: Path, parley: Parley
) -> None:
    reply = tmp_path / "reply.wav"
    ran = await parley("call", question, "--grpc", "--target", orchestrator.address, "--timeout", "0.1", "--out", reply)
    assert ran.code == 3
    assert "no reply was heard within 0.1 s" in ran.err
    assert not reply.exists()
    await (await fake.next_conversation()).hung_up()


async def test_the_mesh_says_goodbye_too_early(
    fake: FakeConversation, edge: EdgeServer, question: Path, parley: Parley
) -> None:
    call = asyncio.create_task(parley("call", question, "--url", f"http://127.0.0.1:{edge.port}"))
    await (await fake.next_conversation()).end(conversation.END_CAUSE_GOODBYE)
    ran = await call
    assert ran.code == 1
    assert "the mesh ended the conversation early" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--url", "ws://127.0.0.1:9"], 1, "Start it with: parley up"),
        (["--target", "127.0.0.1:9"], 2, "--target and --format go with --grpc"),
        (["--grpc", "--url", "ws://127.0.0.1:9"], 2, "with --grpc use --target"),
        (["--grpc", "--format", "mp3"], 2, "pcm8k"),
        (["--prompt", "You are a pirate."], 2, "--prompt goes with --grpc"),
        (["--turns", "0"], 2, "--turns"),
        (["--out", "/nowhere/reply.wav"], 2, "there is no folder /nowhere"),
    ],
)
def test_what_cannot_be_done_is_told(question: Path, arguments: list[str], code: int, complaint: str) -> None:
    ran = CliRunner().invoke(main, ["call", str(question), *arguments])
    assert ran.exit_code == code
    assert complaint in ran.stderr


def test_a_file_that_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello")
    ran = CliRunner().invoke(main, ["call", str(tmp_path / "text.wav")])
    assert ran.exit_code == 2
    assert "text.wav cannot be played, a WAV file is expected" in ran.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["call", str(tmp_path / "nothing.wav")])
    assert ran.exit_code == 2
    assert "does not exist" in ran.stderr
