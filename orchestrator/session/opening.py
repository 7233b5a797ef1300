"""What a client may bring to a conversation, besides its settings: history and metadata."""

import re
from collections.abc import Mapping, Sequence

from mesh.errors import InvalidRequest
from orchestrator.conversation.transcript import Item, Role
from parley.conversation.v1 import conversation_pb2 as pb

_MOST_ITEMS, _MOST_CHARACTERS, _LONGEST_ITEM = 1_000, 200_000, 10_000
_MOST_METADATA, _LONGEST_VALUE = 16, 256
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
    if not item.text.strip() or len(item.text) > _LONGEST_ITEM:
        raise InvalidRequest(
            f"a turn of {len(item.text)} characters: expected 1 to {_LONGEST_ITEM}, not blank", field=f"{field}.text"
        )
    return Item(item.item_id, _ROLES[item.role], item.text)


def metadata_of(given: Mapping[str, str]) -> dict[str, str]:
    """The client's metadata. Raises `InvalidRequest`."""
    if len(given) > _MOST_METADATA:
        raise InvalidRequest(f"{len(given)} entries: expected at most {_MOST_METADATA}", field="config.metadata")
    for key, value in given.items():
        if not _KEY.fullmatch(key):
            raise InvalidRequest(
                f"the key {key[:64]!r}: expected 1 to 64 letters, digits, '_', '-' and '.'", field="config.metadata"
            )
        if len(value) > _LONGEST_VALUE:
            raise InvalidRequest(
                f"{key} has {len(value)} characters: expected at most {_LONGEST_VALUE}", field="config.metadata"
            )
    return dict(given)
