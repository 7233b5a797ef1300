import pytest

from orchestrator.llm.completion import CompletionParser
from orchestrator.llm.deadlines import ResponseDeadlines
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
def waiting(clock: Clock) -> ResponseDeadlines:
    """A minute for the first word and between two; for a model that thinks, two for the first."""
    return ResponseDeadlines(OrchestratorSettings(llm_first_token_s=60, llm_next_token_s=60, llm_thinking_s=120), clock)


def answer(*, alive: bool = True, thinking: bool = False) -> CompletionParser:
    made = CompletionParser(starts_in_reasoning=False, after_words=False)
    made.alive, made.reasoning = alive, thinking
    return made


async def test_the_first_word_has_one_limit(waiting: ResponseDeadlines, clock: Clock) -> None:
    assert waiting.limit().when() == 160
    clock.now = 150
    waiting.extend(answer(alive=False))
    assert waiting.limit().when() == 160
    assert waiting.allows(9)
    assert not waiting.allows(10)


async def test_signs_of_life_renew_it_up_to_a_limit(waiting: ResponseDeadlines, clock: Clock) -> None:
    clock.now = 150
    waiting.extend(answer(thinking=True))
    assert waiting.limit().when() == 210
    clock.now = 200
    waiting.extend(answer(thinking=True))
    assert waiting.limit().when() == 220


async def test_a_sign_of_life_never_shortens_it(clock: Clock) -> None:
    waiting = ResponseDeadlines(OrchestratorSettings(llm_first_token_s=60, llm_next_token_s=5), clock)
    clock.now = 101
    waiting.extend(answer())
    assert waiting.limit().when() == 145  # the limit for a model that thinks
    clock.now = 110
    waiting.got_first_word = True
    waiting.extend(answer())
    assert waiting.limit().when() == 115


async def test_between_words_there_is_no_other_limit(waiting: ResponseDeadlines, clock: Clock) -> None:
    waiting.got_first_word = True
    clock.now = 600
    waiting.extend(answer())
    assert waiting.limit().when() == 660


async def test_an_excuse_is_due_once_and_for_a_long_thought_only(waiting: ResponseDeadlines, clock: Clock) -> None:
    waiting.extend(answer(thinking=True))
    assert not waiting.should_announce
    clock.now += 5
    assert waiting.should_announce
    waiting.extend(answer())
    assert not waiting.should_announce
    waiting.extend(answer(thinking=True))
    waiting.announced = True
    assert not waiting.should_announce
