"""What is played is what is written."""

import pytest

from tests.orchestrator.conversation.player import play
from tests.orchestrator.conversation.rules import RULES
from tests.orchestrator.conversation.script import Script, as_text

SCRIPTS = [pytest.param(script, id=f"{rule.name}: {script.title}") for rule in RULES for script in rule.scripts]


@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script: Script) -> None:
    assert as_text(play(script)) == as_text(script.rows)
