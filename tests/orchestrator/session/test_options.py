"""A session's settings: what is given, what is kept, what is shown."""

from dataclasses import replace

import pytest
from google.protobuf.duration_pb2 import Duration

from mesh.errors import InvalidRequest
from mesh.times import duration
from orchestrator.conversation import Policy
from orchestrator.llm.client import LanguageModel
from orchestrator.prompts.headlines import HeadlineCache
from orchestrator.prompts.prompts import Prompts
from orchestrator.prompts.texts import read_texts
from orchestrator.session.options import SessionOptions, config_of, policy_of
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1 import conversation_pb2 as pb

PRESENT = Policy(
    greeting=True, goodbye=True, silence_timeout=7.0, pacing_lead=0.5, confirmation_time=0.25, spoken=False
)


def prompt(text: str) -> pb.Instructions:
    return pb.Instructions(prompt=text)


@pytest.fixture
def options() -> SessionOptions:
    settings = OrchestratorSettings(llm_model="acme/small-talk_7b")
    return SessionOptions(LanguageModel(settings), Prompts(read_texts(), HeadlineCache(settings)))


def test_what_is_left_out_keeps_its_value() -> None:
    assert policy_of(pb.SessionConfig(), PRESENT) == PRESENT
    assert policy_of(pb.SessionConfig(), Policy()) == Policy()


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        (pb.SessionConfig(greeting=False), "greeting", False),
        (pb.SessionConfig(goodbye=False), "goodbye", False),
        (pb.SessionConfig(silence_timeout=Duration()), "silence_timeout", 0.0),
        (pb.SessionConfig(silence_timeout=duration(3_600)), "silence_timeout", 3_600.0),
        (pb.SessionConfig(pacing_lead=duration(0.08)), "pacing_lead", 0.08),
        (pb.SessionConfig(pacing_lead=duration(60)), "pacing_lead", 60.0),
        (pb.SessionConfig(confirmation_time=Duration()), "confirmation_time", 0.0),
        (pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_SPEECH), "spoken", True),
        (pb.SessionConfig(turn_mode=pb.TURN_MODE_AUTOMATIC), "greeting", True),
        (pb.SessionConfig(language="pt-BR"), "language", "pt-BR"),
        (pb.SessionConfig(ignore_backchannels=True), "ignore_backchannels", True),
        (pb.SessionConfig(interruption_words=10), "interruption_words", 10),
        (pb.SessionConfig(silence_prompts=0), "silence_prompts", 0),
    ],
)
def test_what_is_given_changes_that_field_alone(config: pb.SessionConfig, field: str, value: float) -> None:
    changed = policy_of(config, PRESENT)
    assert getattr(changed, field) == value
    assert changed == replace(PRESENT, **{field: value})  # type: ignore[arg-type]  # whichever field it is


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        (pb.SessionConfig(silence_timeout=duration(-1)), "silence_timeout", "is -1 s: expected 0 s to 3600 s"),
        (pb.SessionConfig(silence_timeout=duration(3_601)), "silence_timeout", "is 3601 s: expected 0 s to 3600 s"),
        (pb.SessionConfig(pacing_lead=Duration()), "pacing_lead", "is 0 s: expected 0.08 s to 60 s"),
        (pb.SessionConfig(pacing_lead=duration(61)), "pacing_lead", "is 61 s: expected 0.08 s to 60 s"),
        (pb.SessionConfig(confirmation_time=duration(-0.1)), "confirmation_time", "is -0.1 s: expected 0 s to 3600 s"),
        (pb.SessionConfig(end_of_turn_delay=duration(11)), "end_of_turn_delay", "is 11 s: expected 0 s to 10 s"),
        (pb.SessionConfig(interruption_words=0), "interruption_words", "is 0: expected 1 to 10"),
        (pb.SessionConfig(silence_prompts=1_001), "silence_prompts", "is 1001: expected 0 to 1000"),
        (pb.SessionConfig(language="English, please"), "language", "is no BCP 47 tag"),
        (pb.SessionConfig(eagerness=7), "eagerness", "7 does not exist"),  # type: ignore[arg-type]
        (pb.SessionConfig(turn_mode=7), "turn_mode", "7 does not exist"),  # type: ignore[arg-type]  # nor does it
        (pb.SessionConfig(reply_modality=7), "reply_modality", "7 does not exist"),  # type: ignore[arg-type]
    ],
)
def test_a_refusal_names_the_field(config: pb.SessionConfig, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        policy_of(config, Policy())
    assert refused.value.field == f"config.session.{field}"
    assert refused.value.message.startswith(field)
    assert message in refused.value.message


def test_the_session_is_shown_with_every_field_set() -> None:
    shown = config_of(pb.SessionConfig(), Policy())
    named = {descriptor.name for descriptor, _ in shown.ListFields()}
    assert named == {field.name for field in pb.SessionConfig.DESCRIPTOR.fields} - {"instructions"}


def test_options_are_merged_over_one_another(options: SessionOptions) -> None:
    first = options.change(pb.SessionConfig(voice="anna", silence_timeout=duration(7.5), instructions=prompt("Be.")))
    second = options.change(pb.SessionConfig(silence_timeout=duration(3), recording_consent=True))
    assert (first.voice, first.instructions) == ("anna", "Be.")
    assert (second.voice, second.instructions) == (None, None)
    assert second.policy == Policy(silence_timeout=3.0)
    shown = options.effective()
    assert shown.voice == "anna"
    assert shown.recording_consent
    assert shown.silence_timeout == duration(3)
    assert shown.instructions.prompt == "Be."


def test_an_empty_voice_is_a_voice(options: SessionOptions) -> None:
    options.change(pb.SessionConfig(voice="anna"))
    assert options.change(pb.SessionConfig(voice="")).voice == ""
    assert options.effective().voice == ""


def test_a_character_is_replaced_whole(options: SessionOptions) -> None:
    whole = pb.Character(kind="constant", language="fr", text="a sailor")
    options.change(pb.SessionConfig(instructions=pb.Instructions(character=whole)))
    options.change(pb.SessionConfig(instructions=pb.Instructions(character=pb.Character(kind="smalltalk"))))
    assert options.effective().instructions.character == pb.Character(kind="smalltalk")


def test_of_a_refused_change_nothing_counts(options: SessionOptions) -> None:
    options.change(pb.SessionConfig(voice="anna", instructions=prompt("Be.")))
    before = options.effective()
    for refused in (
        pb.SessionConfig(voice="bert", greeting=True, pacing_lead=duration(99)),
        pb.SessionConfig(voice="bert", goodbye=True, instructions=pb.Instructions()),
    ):
        with pytest.raises(InvalidRequest):
            options.change(refused)
    assert options.effective() == before
    assert options.change(pb.SessionConfig()).policy == Policy()


def test_the_prompt_knows_the_model(options: SessionOptions) -> None:
    character = pb.Character(kind="constant")
    changed = options.change(pb.SessionConfig(instructions=pb.Instructions(character=character)))
    assert "the language model called small talk 7b" in (changed.instructions or "")


def apology(options: SessionOptions, config: pb.SessionConfig) -> str:
    """What is said in place of a reply after this change."""
    policy = options.change(config).policy
    assert policy is not None
    return policy.apology


@pytest.mark.parametrize(
    ("tag", "language"), [("de-AT", "de"), ("ES", "es"), ("it", "it"), ("pt-BR", "pt"), ("fr", "fr"), ("ja", "en")]
)
def test_the_apology_is_in_the_language_of_the_session(options: SessionOptions, tag: str, language: str) -> None:
    apologies = read_texts().model_apologies
    assert apology(options, pb.SessionConfig(language=tag)) == apologies[language].unanswered
    assert options.apologies == apologies[language]
    assert apology(options, pb.SessionConfig(language="")) == apologies["en"].unanswered


def test_the_language_of_the_session_goes_before_that_of_the_character(options: SessionOptions) -> None:
    apologies = read_texts().model_apologies
    french = pb.Instructions(character=pb.Character(kind="smalltalk", language="fr"))
    assert apology(options, pb.SessionConfig(language="de", instructions=french)) == apologies["de"].unanswered
    assert apology(options, pb.SessionConfig(language="")) == apologies["fr"].unanswered
