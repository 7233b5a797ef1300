"""What is still asked for after a refusal. The refusals are such as servers give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.llm.optional_parameters import AS_IT_LIKES, NO_THINKING, Wishes

OPENAI_UNKNOWN = "Unrecognized request argument supplied: chat_template_kwargs"
OPENAI_EFFORT = (
    "Unsupported value: 'none' is not supported with the 'gpt-5' model. "
    "Supported values are: 'minimal', 'low', 'medium', and 'high'. (reasoning_effort)"
)
OPENAI_NO_EFFORT = "Unrecognized request argument supplied: reasoning_effort"
OPENAI_TEMPERATURE = "Unsupported value: 'temperature' does not support 0.3 with this model."
GEMINI = 'Invalid JSON payload received. Unknown name "chat_template_kwargs": Cannot find field.'
VLLM = "{'loc': ('body', 'reasoning_effort'), 'msg': \"Input should be 'low', 'medium' or 'high'\", 'input': 'none'}"
GROQ = "`reasoning_effort` is not supported with this model"
BOTH = "Unrecognized request arguments supplied: chat_template_kwargs, reasoning_effort"


@pytest.mark.parametrize(
    ("refusal", "then"),
    [
        (OPENAI_UNKNOWN, Wishes(template=False)),
        (OPENAI_EFFORT, Wishes(effort="minimal")),
        (OPENAI_NO_EFFORT, Wishes(effort=None)),
        (OPENAI_TEMPERATURE, Wishes(temperature=False)),
        (GEMINI, Wishes(template=False)),
        (VLLM, Wishes(effort="low")),
        (GROQ, Wishes(effort=None)),
        (BOTH, AS_IT_LIKES),
        ("Bad request", AS_IT_LIKES),
        ("", AS_IT_LIKES),
    ],
)
def test_what_a_refusal_names_is_given_up(refusal: str, then: Wishes) -> None:
    assert NO_THINKING.fewer(refusal) == then


def test_what_is_offered_is_asked_for_once() -> None:
    assert Wishes(effort="minimal").fewer(OPENAI_EFFORT) == Wishes(effort="low")
    assert Wishes(effort="low").fewer(OPENAI_EFFORT) == Wishes(effort=None)


def test_a_refusal_that_names_nothing_costs_the_temperature_last() -> None:
    assert AS_IT_LIKES.fewer("Bad request") == Wishes(temperature=False, effort=None, template=False)


@given(st.lists(st.sampled_from((OPENAI_UNKNOWN, OPENAI_EFFORT, OPENAI_TEMPERATURE, VLLM, BOTH, "", "no")), min_size=6))
def test_there_is_an_end_to_asking(refusals: list[str]) -> None:
    wishes: Wishes | None = NO_THINKING
    for refusal in refusals:
        wishes = wishes and wishes.fewer(refusal)
    assert wishes is None or not set(refusals) & {"", "no"}


def test_parameters() -> None:
    assert NO_THINKING.parameters(0.3) == {
        "temperature": 0.3,
        "reasoning_effort": "none",
        "chat_template_kwargs": {"enable_thinking": False, "thinking": False},
    }
    assert AS_IT_LIKES.parameters(0.7) == {"temperature": 0.7}
    assert Wishes(temperature=False, effort=None, template=False).parameters(0.7) == {}
