"""Whatever happens in a conversation, and in whatever order: Unmute's clients are told it in the order they rely on."""

import json

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from orchestrator.conversation import actions as act
from orchestrator.conversation.actions import Action
from orchestrator.session import wire
from parley.conversation.v1 import conversation_pb2 as pb
from tests.edge.dialects.unmute.event_checker import EventChecker
from tests.edge.dialects.unmute.harness import idle_dialect
from tests.orchestrator.conversation.test_invariants import LONG, Converse

SETTINGS = settings(
    max_examples=5_000 if LONG else 120,
    stateful_step_count=100 if LONG else 50,
    print_blob=True,
)


class TranslatedConverse(Converse):
    """The conversation of whoever does as they please, as a client of Unmute's is told of it."""

    def __init__(self) -> None:
        super().__init__()
        self.dialect = idle_dialect()
        self.client = EventChecker()

    def account(self, actions: list[Action]) -> None:
        super().account(actions)
        for action in actions:
            if isinstance(action, act.ReleaseAudio):
                self.client_is_told(pb.ConverseResponse(reply_audio=_audio(action)))
            if response := wire.response(action):
                self.client_is_told(response)

    def client_is_told(self, response: pb.ConverseResponse) -> None:
        for message in self.dialect.events(response):
            self.client.check(json.loads(message))

    def teardown(self) -> None:
        super().teardown()
        if self.sound:
            assert self.client.open is None
            assert all(outcomes for outcomes in self.client.outcomes.values())


def _audio(action: act.ReleaseAudio) -> pb.ReplyAudio:
    return pb.ReplyAudio(reply_id=action.reply_id, audio=bytes(2 * action.samples))


@pytest.mark.unmute("C6", "S4", "B11", "B12", "C5")
@pytest.mark.timeout(0)  # making a failure small may take minutes, and is worth them
def test_a_client_can_make_sense_of_every_conversation() -> None:
    run_state_machine_as_test(TranslatedConverse, settings=SETTINGS)
