"""Every parser that meets bytes from outside: how it is fed, what it is fed by those in order, what it may raise."""

import asyncio
import base64
import itertools
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec
import numpy as np

from edge.audio.ogg import InvalidAudio
from edge.audio.opus import AudioBudget, OpusDecoder, OpusEncoder
from edge.dialects import InvalidEvent
from edge.dialects.converse import ConverseDialect
from edge.dialects.unmute.dialect import UnmuteDialect
from edge.http.forms import BadForm, FilePart, MissingPart
from launcher.recordings.transcript import transcript
from mesh.errors import InvalidRequest, UpstreamDown
from mesh.text.files import TextFileError
from moshi_client import messages as moshi
from orchestrator.conversation import Conversation, State
from orchestrator.conversation import events as ev
from orchestrator.llm.completion import CompletionParser, in_pieces
from orchestrator.llm.response import ErrorInAnswer, ResponseReader
from orchestrator.recorder.reading import NotARecording, replay
from orchestrator.recorder.records import Header, Step, encoded
from orchestrator.session.checkpoints import CheckpointInvalid, Checkpoints, CheckpointVersion, Snapshot
from voice_service.analysis.containers import kind_of
from voice_service.analysis.sizes import with_true_sizes
from voice_service.catalogue import read_catalogue
from wyoming_client.connection import Connection

T = TypeVar("T")


@dataclass(frozen=True)
class Parser:
    """`parse` takes any bytes. It returns, or raises one of `refusals`; anything else is a finding."""

    name: str
    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    refusals: tuple[type[Exception], ...] = ()


def pieces(data: bytes) -> Iterator[bytes]:
    """The data in pieces whose sizes it decides itself."""
    sizes = itertools.cycle([1 + byte for byte in data[:7]] or [1])
    at = 0
    while at < len(data):
        size = next(sizes)
        yield data[at : at + size]
        at += size


async def arriving(data: bytes) -> AsyncIterator[bytes]:
    for piece in pieces(data):
        yield piece


def ran(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    raise AssertionError("it waits")


def ogg_opus() -> bytes:
    encoder = OpusEncoder()
    return encoder.encode(np.zeros(9_600, np.int16).tobytes()) + encoder.flush()


def decode_opus(data: bytes) -> None:
    decoder = OpusDecoder(AudioBudget(burst_s=1e9))
    for piece in pieces(data):
        for pcm in decoder.decode(piece, 0.0):
            assert len(pcm) % 2 == 0


def read_unmute(data: bytes) -> None:
    dialect = UnmuteDialect(lambda _: None, clock=lambda: 0.0, call_later=lambda _seconds, _function: None)
    for line in text(data).split("\n"):
        list(dialect.requests(line, 0.0))


def open_converse(data: bytes) -> None:
    first, _, rest = text(data).partition("\n")

    async def receive() -> str:
        return first

    dialect = ConverseDialect()
    ran(dialect.opening(receive))
    for line in rest.split("\n"):
        list(dialect.requests(line, 0.0))


def text(data: bytes) -> str:
    """What a text frame can hold: the server has checked that it is UTF-8."""
    return data.decode(errors="replace")


def read_form(data: bytes) -> None:
    async def read() -> None:
        async for _ in FilePart("multipart/form-data; boundary=xx", "file", "note").read(arriving(data)):
            pass

    ran(read())


def read_model(data: bytes) -> None:
    """As the client does, which takes every error of a chunk for a malformed answer."""

    async def read() -> None:
        reader = ResponseReader(httpx2.Response(200, content=arriving(data)))
        answer = CompletionParser(starts_in_reasoning=False, after_words=False)
        while (chunk := await reader.next()) is not None:
            try:
                for part in in_pieces(chunk):
                    answer.feed(part)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                return
        assert all(isinstance(word, str) for word in answer.finish())

    ran(read())


def read_moshi(decoder: "msgspec.msgpack.Decoder[Any]") -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        match moshi.unpacked(data, decoder):
            case moshi.Step(prs=packed) | moshi.Audio(pcm=packed):
                moshi.numbers(packed)
            case _:
                pass

    return read


def in_a_file(suffix: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    path = Path(tempfile.mkdtemp(prefix="parley-fuzz-")) / f"input{suffix}"

    def parse(data: bytes) -> None:
        path.write_bytes(data)
        read(path)

    return parse


def recording() -> bytes:
    conversation = Conversation(State(voice="anna"))
    header = Header(now=0.0, product="0", session_id="s", started_wall=1e9, state=State(voice="anna"))
    events: tuple[ev.Event, ...] = (ev.MicrophoneAudioArrived(1_920), ev.UserTyped("Hello"))
    steps = [Step.of(1.0, event, list(conversation.handle(event, 1.0))) for event in events]
    return encoded(header) + b"".join(map(encoded, steps))


def read_recording(path: Path) -> None:
    replay(path)
    list(transcript(path))


CHECKPOINTS = Checkpoints("k" * 32)


def checkpoint() -> bytes:
    snapshot = Snapshot(
        session_id="s",
        now=1.0,
        state=State(voice="anna"),
        session=b"",
        metadata={"k": "v"},
        certain=0,
        acted_on=0,
        recording_over=False,
    )
    return CHECKPOINTS.written(snapshot)


def read_signed(data: bytes) -> None:
    """The body with a good signature, as an orchestrator of another version could make it."""
    body = data[33:]
    CHECKPOINTS.read(data[:1] + CHECKPOINTS._signature(body) + body)


def read_wyoming(data: bytes) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader(limit=1 << 16)
        reader.feed_data(data)
        reader.feed_eof()
        connection = Connection(reader, None)  # type: ignore[arg-type]  # nothing is sent
        while not reader.at_eof():
            await connection.receive(5.0)

    asyncio.run(read())


def sse(*chunks: object) -> bytes:
    return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def delta(**fields: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def json_lines(*values: object) -> bytes:
    return "\n".join(json.dumps(value) for value in values).encode()


AUDIO = base64.b64encode(ogg_opus()).decode()
PART = '--xx\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
WAV = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data\xff\xff\xff\xff1234"
VOICES = b"""\
- name: Ann
  good: true
  comment: none
  instructions: {type: constant, language: en, text: Be kind.}
  source: {source_type: file, path_on_server: a.wav, description: d, description_link: l, engine: e, language: en-GB}
- source:
    source_type: freesound
    url: https://freesound.org/1
    start_time: 1.5
    path_on_server: b.wav
    sound_instance: {id: 1, name: n, username: u, license: c}
"""

PARSERS = (
    Parser("Ogg Opus", decode_opus, (ogg_opus(), b"OggS"), (InvalidAudio,)),
    Parser(
        "Unmute's events",
        read_unmute,
        (
            json_lines(
                {"type": "session.update", "session": {"voice": "v", "allow_recording": False, "instructions": None}},
                {"type": "input_audio_buffer.append", "audio": AUDIO, "event_id": "e"},
            ),
            json_lines(
                {
                    "type": "session.update",
                    "session": {
                        "allow_recording": "yes",
                        "instructions": {"type": "constant", "text": "t", "language": "en/fr"},
                    },
                },
                {"type": "unmute.input_audio_buffer.append_anonymized", "number_of_samples": 1_920},
            ),
        ),
        (InvalidEvent,),
    ),
    Parser(
        "the native dialect",
        open_converse,
        (
            json_lines(
                {"config": {"inputFormat": {"encoding": "AUDIO_ENCODING_OGG_OPUS"}, "session": {"greeting": True}}},
                {"audio": {"audio": AUDIO}, "requestId": "r"},
                {"text": {"text": "Hello"}},
            ),
            json_lines(
                {"config": {"typedOnly": True, "session": {"silenceTimeout": "7s", "eagerness": "EAGERNESS_LOW"}}},
                {"playback": {"replyId": "r", "playedDuration": "0.5s"}},
                {"finish": {}},
            ),
        ),
        (InvalidEvent, InvalidRequest),
    ),
    Parser(
        "forms",
        read_form,
        ((PART.format("note", "hello") + PART.format("file", "0123456789") + "--xx--\r\n").encode(),),
        (BadForm, MissingPart),
    ),
    Parser(
        "the language model's answers",
        read_model,
        (
            sse(
                delta(role="assistant", content=""), delta(content="<think>x</think> Hello, wor"), delta(content="ld.")
            ),
            sse(delta(reasoning_content="h"), delta(content=[{"type": "text", "text": "Hi"}]), {"choices": []}),
            json_lines({"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}),
            b"error: {}\n\nevent: error\ndata: 1\n\n",
        ),
        (ErrorInAnswer, ValueError, TypeError, RecursionError),
    ),
    Parser(
        "moshi-server's recogniser",
        read_moshi(moshi.from_recogniser),
        (
            msgspec.msgpack.encode({"type": "Step", "step_idx": 1, "prs": [0.1, 0.9], "buffered_pcm": 0}),
            msgspec.msgpack.encode({"type": "Word", "text": "hello", "start_time": 1.25}),
            msgspec.msgpack.encode({"type": "Marker", "id": 7}),
        ),
        (msgspec.DecodeError, UpstreamDown),
    ),
    Parser(
        "moshi-server's voice",
        read_moshi(moshi.from_voice),
        (
            msgspec.msgpack.encode({"type": "Audio", "pcm": [0.1] * 20}),
            msgspec.msgpack.encode({"type": "Text", "text": "hello", "start_s": 1.25, "stop_s": 1.5}),
            msgspec.msgpack.encode({"type": "Error", "message": "full"}),
        ),
        (msgspec.DecodeError, UpstreamDown),
    ),
    Parser(
        "Wyoming's events",
        read_wyoming,
        (b'{"type":"audio-chunk","data":{},"data_length":12,"payload_length":4}\n{"rate": 16}1234',),
        (UpstreamDown,),
    ),
    Parser("voices.yaml", in_a_file(".yaml", read_catalogue), (VOICES,), (TextFileError,)),
    Parser("recordings", in_a_file(".jsonl", read_recording), (recording(),), (NotARecording,)),
    Parser("checkpoints", CHECKPOINTS.read, (checkpoint(),), (CheckpointInvalid, CheckpointVersion)),
    Parser(
        "signed checkpoints",
        read_signed,
        (checkpoint(),),
        (CheckpointInvalid, CheckpointVersion),
    ),
    Parser("kinds of recordings", lambda data: (kind_of(data), with_true_sizes(data)), (WAV, b"FORM\0\0\0\0AIFFSSND")),
)
