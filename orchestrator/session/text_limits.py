"""How long the texts may be that a client sends: every one of them, since all are kept, sent on or answered with."""

from collections.abc import Iterator, Mapping

from google.protobuf.message import Message

from mesh.errors import InvalidRequest

LONGEST_PROMPT = 50_000
"""Characters, some 12,000 tokens of English: half of what a language model is shown of a conversation."""

LIMITS = {
    "parley.conversation.v1.ConverseRequest.request_id": 200,
    "parley.conversation.v1.SessionConfig.voice": 1_000,
    "parley.conversation.v1.SessionConfig.language": 100,
    "parley.conversation.v1.Instructions.prompt": LONGEST_PROMPT,
    "parley.conversation.v1.Character.kind": 100,
    "parley.conversation.v1.Character.language": 100,
    "parley.conversation.v1.Character.text": 20_000,
    "parley.conversation.v1.UserText.text": 10_000,
    "parley.conversation.v1.UserText.item_id": 200,
    "parley.conversation.v1.ReplyPlayback.reply_id": 200,
    "parley.conversation.v1.CancelReplyRequest.reply_id": 200,
    "parley.conversation.v1.SayRequest.text": 10_000,
    "parley.conversation.v1.HistoryItem.text": 10_000,
    "parley.conversation.v1.HistoryItem.item_id": 200,
    "parley.conversation.v1.UserWordRecognized.item_id": 200,
    "parley.conversation.v1.UserWordRecognized.text": 1_000,
    "parley.conversation.v1.ReplySoFar.reply_id": 200,
    "parley.conversation.v1.ReplySoFar.text": 200_000,
    "parley.conversation.v1.ReplySoFar.heard_text": 200_000,
    "parley.conversation.v1.ConverseConfig.MetadataEntry.key": 64,
    "parley.conversation.v1.ConverseConfig.MetadataEntry.value": 256,
}
"""In characters, by the field's full name in the contract."""


def check_texts(request: Message) -> None:
    """Raise `InvalidRequest` for the first text that is too long, which it names."""
    for path, limit, text in _texts(request, ""):
        if len(text) > limit:
            raise InvalidRequest(f"{path} has {len(text)} characters: expected at most {limit}", field=path)


def _texts(message: Message, path: str) -> Iterator[tuple[str, int, str]]:
    for field, value in message.ListFields():
        where = f"{path}{field.name}"
        if isinstance(value, str):
            yield where, LIMITS[field.full_name], value
        elif isinstance(value, Message):
            yield from _texts(value, f"{where}.")
        elif isinstance(value, Mapping) and field.message_type is not None:
            of_keys, of_values = (LIMITS[f"{field.message_type.full_name}.{part}"] for part in ("key", "value"))
            for key, text in value.items():
                yield where, of_keys, key
                yield f"{where}.{key}", of_values, text
        elif field.message_type is not None:
            for number, item in enumerate(value):
                yield from _texts(item, f"{where}[{number}].")
