"""What a client may bring to a conversation, besides its settings: history, metadata, and an earlier stream's end.

How long each text may be says `text_limits`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mesh.audio import SAMPLE_RATE
from mesh.errors import InvalidRequest
from mesh.times import seconds
from orchestrator.conversation import events as ev
from orchestrator.conversation.transcript import Item, ReplySoFar, Role
from orchestrator.session.checkpoints import Checkpoints, Snapshot
from parley.conversation.v1 import conversation_pb2 as pb

_MOST_ITEMS, _MOST_CHARACTERS = 1_000, 200_000
_MOST_METADATA = 16
_MOST_WORDS = 1_000
_LONGEST_SESSION_S = 30 * 24 * 3_600.0
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_ROLES = {pb.HISTORY_ROLE_USER: Role.USER, pb.HISTORY_ROLE_ASSISTANT: Role.ASSISTANT}


def history_of(items: Sequence[pb.HistoryItem]) -> tuple[Item, ...]:
    """The turns before this conversation; those without an id have an empty one. Raises `InvalidRequest`."""
    if len(items) > _MOST_ITEMS:
        raise InvalidRequest(f"{len(items)} items of history: expected at most {_MOST_ITEMS}", field="config.history")
    if (characters := sum(len(item.text) for item in items)) > _MOST_CHARACTERS:
        raise InvalidRequest(
            f"{characters} characters of history: expected at most {_MOST_CHARACTERS}", field="config.history"
        )
    return tuple(_item(item, f"config.history[{number}]") for number, item in enumerate(items))


def _item(item: pb.HistoryItem, field: str) -> Item:
    if item.role not in _ROLES:
        raise InvalidRequest(f"role {item.role} does not exist: expected user or assistant", field=f"{field}.role")
    if not item.text.strip():
        raise InvalidRequest("a turn of nothing but blanks: expected words", field=f"{field}.text")
    return Item(item.item_id, _ROLES[item.role], item.text)


def metadata_of(given: Mapping[str, str]) -> dict[str, str]:
    """The client's metadata. Raises `InvalidRequest`."""
    if len(given) > _MOST_METADATA:
        raise InvalidRequest(f"{len(given)} entries: expected at most {_MOST_METADATA}", field="config.metadata")
    for key in given:
        if not _KEY.fullmatch(key):
            raise InvalidRequest(
                f"the key {key[:64]!r}: expected 1 to 64 letters, digits, '_', '-' and '.'", field="config.metadata"
            )
    return dict(given)


class Resumption(NamedTuple):
    """A conversation that goes on."""

    snapshot: Snapshot
    position: int
    """The first sample of the microphone that will come."""
    event: ev.ConversationResumed


def resumption_of(config: pb.ConverseConfig, checkpoints: Checkpoints) -> Resumption:
    """What `config.resume` says. Raises `InvalidRequest`, for a checkpoint that cannot be read one of its kinds."""
    resume = config.resume
    if config.history or config.metadata:
        field = "config.history" if config.history else "config.metadata"
        raise InvalidRequest("a conversation that is resumed has them already", field=field)
    if len(resume.words) > _MOST_WORDS:
        raise InvalidRequest(f"{len(resume.words)} words: expected at most {_MOST_WORDS}", field="config.resume.words")
    offset = seconds(resume.audio_offset)
    if not 0 <= offset <= _LONGEST_SESSION_S:
        raise InvalidRequest(
            f"audio_offset is {offset:g} s: expected 0 s to {_LONGEST_SESSION_S:g} s",
            field="config.resume.audio_offset",
        )
    snapshot = checkpoints.read(resume.checkpoint)
    position = round(offset * SAMPLE_RATE) if resume.HasField("audio_offset") else snapshot.certain
    words = tuple(word.text for word in resume.words)
    reply = None
    if resume.HasField("reply"):
        reply = ReplySoFar(resume.reply.reply_id, resume.reply.text, resume.reply.heard_text, resume.reply.over)
    return Resumption(snapshot, position, ev.ConversationResumed(position, words, reply))
