import pytest

from orchestrator.llm.completion import Answer
from orchestrator.llm.deadlines import Patience
from orchestrator.settings import OrchestratorSettings


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def waiting(clock: Clock) -> Patience:
    """A minute for the first word and between two; for a model that thinks, two for the first."""
    return Patience(OrchestratorSettings(llm_first_token_s=60, llm_next_token_s=60, llm_thinking_s=120), clock)


def answer(*, alive: bool = True, thinking: bool = False) -> Answer:
    made = Answer(in_thought=False, after_words=False)
    made.alive, made.thinking = alive, thinking
    return made


async def test_the_first_word_has_one_limit(waiting: Patience, clock: Clock) -> None:
    assert waiting.limit().when() == 160
    clock.now = 150
    waiting.renew(answer(alive=False))
    assert waiting.limit().when() == 160
    assert waiting.lasts(9)
    assert not waiting.lasts(10)


async def test_signs_of_life_renew_it_up_to_a_limit(waiting: Patience, clock: Clock) -> None:
    clock.now = 150
    waiting.renew(answer(thinking=True))
    assert waiting.limit().when() == 210
    clock.now = 200
    waiting.renew(answer(thinking=True))
    assert waiting.limit().when() == 220


async def test_between_words_there_is_no_other_limit(waiting: Patience, clock: Clock) -> None:
    waiting.rewarded = True
    clock.now = 600
    waiting.renew(answer())
    assert waiting.limit().when() == 660


async def test_an_excuse_is_due_once_and_for_a_long_thought_only(waiting: Patience, clock: Clock) -> None:
    waiting.renew(answer(thinking=True))
    assert not waiting.needs_excuse
    clock.now += 5
    assert waiting.needs_excuse
    waiting.renew(answer())
    assert not waiting.needs_excuse
    waiting.renew(answer(thinking=True))
    waiting.excused = True
    assert not waiting.needs_excuse
