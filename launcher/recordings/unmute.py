"""A recording as Unmute writes them: a JSON line for each event of its WebSocket dialect, with who sent it and when.

The events are made by the dialect itself, from what the core was told and what it decided: as if a client of Unmute's
had held the conversation, whatever client it was. Its microphone is there as counts of samples.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from google.protobuf.json_format import ParseDict

from edge.dialects.unmute import UnmuteDialect
from edge.dialects.unmute.client_events import AnonymizedAppend, ClientEvent, Session, SessionUpdate
from edge.dialects.unmute.instructions import Constant, Instructions, from_catalogue
from edge.dialects.unmute.server_events import ServerEvent, new_event_id
from mesh.audio import SAMPLE_RATE
from mesh.times import duration
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.recorder import records
from orchestrator.recorder.reading import header_of, read
from orchestrator.session import wire
from parley.conversation.v1 import conversation_pb2 as pb

Sender: TypeAlias = Literal["client", "server"]

_NOT_RECORDED = frozenset({"unmute.additional_outputs"})
"""Debug output, and a history that the events before it make up."""


class AudioDeltaReady(ServerEvent, frozen=True, tag="unmute.response.audio.delta.ready"):
    """Speech was synthesised; it is sent when its time comes. Only recordings have this."""

    number_of_samples: int


def unmute(path: Path) -> Iterator[str]:
    """Yield the lines of the export. Raises `NotARecording`, and `OSError`."""
    started_wall = header_of(path).started_wall
    export = _Export()
    for _, line in read(path):
        for sender, event in export.events(line):
            if event["type"] not in _NOT_RECORDED:
                entry = {"timestamp_wall": started_wall + line.now, "event_sender": sender, "data": event}
                yield json.dumps(entry, ensure_ascii=False)


class _Export:
    """The dialect, and the state that it needs."""

    def __init__(self) -> None:
        self._dialect = UnmuteDialect(queue=lambda _messages: None)
        self._consents = True
        self._sound: dict[tuple[str, int], bytes] = {}
        """What the next step releases, by its reply and where it begins."""

    def events(self, line: records.Record) -> Iterator[tuple[Sender, dict[str, Any]]]:
        """What was said on the socket, and by whom."""
        match line:
            case records.Session(session=session):
                yield from self._update(ParseDict(session, pb.SessionConfig(), ignore_unknown_fields=True))
            case records.Audio(reply_id=reply_id, start=start, pcm=pcm):
                self._sound[reply_id, start] = pcm
            case records.Warned(reason=reason, message=message):
                yield from self._server_events(wire.warning(reason, message))
            case records.Step():
                yield from self._audio_counts(line.core_event())
                for action in line.core_actions():
                    yield from self._action_events(action)
                self._sound.clear()

    def _audio_counts(self, event: ev.Event | None) -> Iterator[tuple[Sender, dict[str, Any]]]:
        match event:
            case ev.MicrophoneAudioArrived(samples=samples):
                yield "client", _object(AnonymizedAppend(number_of_samples=samples, event_id=new_event_id()))
            case ev.ReplyAudioArrived(samples=samples):
                yield "server", _object(AudioDeltaReady(number_of_samples=samples))

    def _action_events(self, action: act.Action) -> Iterator[tuple[Sender, dict[str, Any]]]:
        match action:
            case act.ReleaseAudio(reply_id=reply_id, start=start):
                sound = self._sound.get((reply_id, start), b"")
                audio = pb.ReplyAudio(reply_id=reply_id, audio=sound, start_offset=duration(start / SAMPLE_RATE))
                yield from self._server_events(pb.ConverseResponse(reply_audio=audio))
            case _ if news := wire.response(action):
                yield from self._server_events(news)

    def _update(self, config: pb.SessionConfig) -> Iterator[tuple[Sender, dict[str, Any]]]:
        """The client's `session.update`, as far as its dialect can say what was asked, and its answer."""
        if config.HasField("recording_consent"):
            self._consents = config.recording_consent
        session = Session(
            instructions=_instructions(config.instructions) if config.HasField("instructions") else None,
            voice=config.voice or None,
            allow_recording=self._consents,
        )
        update: ClientEvent = SessionUpdate(session=session, event_id=new_event_id())
        yield "client", _object(update)
        for request in self._dialect.requests(msgspec.json.encode(update).decode(), 0.0):
            updated = pb.SessionUpdated(session=config)
            yield from self._server_events(pb.ConverseResponse(session_updated=updated, request_id=request.request_id))

    def _server_events(self, response: pb.ConverseResponse) -> Iterator[tuple[Sender, dict[str, Any]]]:
        for message in self._dialect.events(response):
            yield "server", json.loads(message)


def _instructions(instructions: pb.Instructions) -> Instructions:
    """The character as Unmute's clients would ask for it; one that they cannot ask for becomes a fixed text."""
    character = instructions.character
    given = from_catalogue(
        character.kind,
        language=character.language if character.HasField("language") else None,
        text=character.text if character.HasField("text") else None,
    )
    return given or Constant(text=instructions.prompt)


def _object(event: msgspec.Struct) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(event)
    return made
