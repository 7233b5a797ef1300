"""What is still asked for after a refusal. The refusals are such as servers give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.llm.optional_parameters import REASONING_DEFAULT, REASONING_OFF, OptionalParameters

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
        (OPENAI_UNKNOWN, OptionalParameters(template=False)),
        (OPENAI_EFFORT, OptionalParameters(effort="minimal")),
        (OPENAI_NO_EFFORT, OptionalParameters(effort=None)),
        (OPENAI_TEMPERATURE, OptionalParameters(temperature=False)),
        (GEMINI, OptionalParameters(template=False)),
        (VLLM, OptionalParameters(effort="low")),
        (GROQ, OptionalParameters(effort=None)),
        (BOTH, REASONING_DEFAULT),
        ("Bad request", REASONING_DEFAULT),
        ("", REASONING_DEFAULT),
    ],
)
def test_what_a_refusal_names_is_given_up(refusal: str, then: OptionalParameters) -> None:
    assert REASONING_OFF.without_rejected(refusal) == then


def test_what_is_offered_is_asked_for_once() -> None:
    assert OptionalParameters(effort="minimal").without_rejected(OPENAI_EFFORT) == OptionalParameters(effort="low")
    assert OptionalParameters(effort="low").without_rejected(OPENAI_EFFORT) == OptionalParameters(effort=None)


def test_a_refusal_that_names_nothing_costs_the_temperature_last() -> None:
    assert REASONING_DEFAULT.without_rejected("Bad request") == OptionalParameters(
        temperature=False, effort=None, template=False
    )


@given(st.lists(st.sampled_from((OPENAI_UNKNOWN, OPENAI_EFFORT, OPENAI_TEMPERATURE, VLLM, BOTH, "", "no")), min_size=6))
def test_there_is_an_end_to_asking(refusals: list[str]) -> None:
    parameters: OptionalParameters | None = REASONING_OFF
    for refusal in refusals:
        parameters = parameters and parameters.without_rejected(refusal)
    assert parameters is None or not set(refusals) & {"", "no"}


def test_parameters() -> None:
    assert REASONING_OFF.parameters(0.3) == {
        "temperature": 0.3,
        "reasoning_effort": "none",
        "chat_template_kwargs": {"enable_thinking": False, "thinking": False},
    }
    assert REASONING_DEFAULT.parameters(0.7) == {"temperature": 0.7}
    assert OptionalParameters(temperature=False, effort=None, template=False).parameters(0.7) == {}
