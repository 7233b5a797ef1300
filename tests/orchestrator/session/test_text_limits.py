"""Every text that a client may send has a bound, in every dialect."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from mesh.errors import InvalidRequest
from orchestrator.session.text_limits import LIMITS, LONGEST_PROMPT, check_texts
from parley.conversation.v1 import conversation_pb2 as pb
from tests.orchestrator.caller import TYPED
from tests.orchestrator.harness import Harness


def texts_of(descriptor: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The full names of all texts in a message of the contract, and in those inside it."""
    if descriptor.full_name in seen:
        return
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield field.full_name
        elif field.message_type is not None:
            yield from texts_of(field.message_type, seen | {descriptor.full_name})


def test_every_text_of_the_contract_has_a_bound() -> None:
    assert set(texts_of(pb.ConverseRequest.DESCRIPTOR)) == LIMITS.keys()


def request(path: str, text: str) -> pb.ConverseRequest:
    """A request that has this text there."""
    asked = pb.ConverseRequest()
    place: Any = asked
    *outer, last = path.split(".")
    for name in outer:
        place = getattr(place, name)
    setattr(place, last, text)
    return asked


PATHS = {
    "request_id": 200,
    "config.session.voice": 1_000,
    "update.session.voice": 1_000,
    "update.session.language": 100,
    "config.session.instructions.prompt": LONGEST_PROMPT,
    "update.session.instructions.prompt": LONGEST_PROMPT,
    "update.session.instructions.character.kind": 100,
    "update.session.instructions.character.language": 100,
    "update.session.instructions.character.text": 20_000,
    "text.text": 10_000,
    "text.item_id": 200,
    "playback.reply_id": 200,
}


@pytest.mark.parametrize("path", PATHS)
def test_a_text_is_taken_up_to_its_bound(path: str) -> None:
    """Characters count, not bytes."""
    most = PATHS[path]
    check_texts(request(path, "x" * most))
    check_texts(request(path, "語" * most))
    with pytest.raises(InvalidRequest) as refused:
        check_texts(request(path, "x" * (most + 1)))
    assert refused.value.message == f"{path} has {most + 1} characters: expected at most {most}"
    assert refused.value.field == path


async def test_a_config_with_a_huge_prompt_is_refused(harness: Harness) -> None:
    config = pb.ConverseConfig(typed_only=True)
    config.session.instructions.prompt = "x" * 900_000
    with pytest.raises(InvalidRequest, match="900000 characters: expected at most 50000") as refused:
        async with harness.calling(config):
            pass
    assert refused.value.field == "config.session.instructions.prompt"


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith("config")])
async def test_a_request_with_a_huge_text_is_rejected_and_the_conversation_goes_on(harness: Harness, path: str) -> None:
    asked = request(path, "x" * 60_000)
    if path == "request_id":
        asked.text.text = "Hi!"
    async with harness.calling(TYPED) as caller:
        await caller.send(asked)
        rejected = await caller.until_event("request_rejected")
        assert rejected.request_rejected.reason == "BAD_REQUEST"
        assert path in rejected.request_rejected.message
        assert rejected.ByteSize() < 300
        await caller.say("Hi!")
        await caller.until("reply_finished")
        sent = await harness.llm.messages()
        assert sum(len(text) for _, text in sent) < 1_000
