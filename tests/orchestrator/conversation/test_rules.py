"""What is played is what is written."""

import pytest

from orchestrator.conversation import TRANSITIONS, Phase, State
from tests.orchestrator.conversation.player import Player, play
from tests.orchestrator.conversation.rules import RULES
from tests.orchestrator.conversation.script import Script, as_text
from tests.orchestrator.conversation.watched import Watched

SCRIPTS = [pytest.param(script, id=f"{rule.name}: {script.title}") for rule in RULES for script in rule.scripts]


@pytest.mark.unmute("S9")
@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script: Script) -> None:
    assert as_text(play(script)) == as_text(script.rows)


def test_the_rules_show_every_change_of_phase() -> None:
    """`Watched` sees that there are no others."""
    shown: set[tuple[Phase, Phase]] = set()
    for rule in RULES:
        for script in rule.scripts:
            conversation = Watched(State(policy=script.policy))
            player = Player(conversation, microphone_is_open=script.microphone_is_open)
            for row in (*script.given, *script.rows):
                player.play(row)
            shown.update((move.before, move.after) for move in conversation.moves)
    assert shown == TRANSITIONS.keys()
