"""The session's settings: as the client gives them bit by bit, as the core takes them, and as they stand."""

from dataclasses import replace

from mesh.errors import InvalidRequest
from mesh.times import duration, seconds
from orchestrator.conversation import Policy
from orchestrator.conversation import events as ev
from orchestrator.llm.client import LanguageModel
from orchestrator.prompts.prompts import Prompts
from parley.conversation.v1.conversation_pb2 import (
    REPLY_MODALITY_SPEECH,
    REPLY_MODALITY_TEXT,
    REPLY_MODALITY_UNSPECIFIED,
    TURN_MODE_AUTOMATIC,
    TURN_MODE_UNSPECIFIED,
    Instructions,
    SessionConfig,
)

_PACING_LEAD = (0.08, 60.0)
_LONGEST = 3_600.0


class SessionOptions:
    """One session's settings. A character is rendered when it is given, with the headlines there are at that moment."""

    def __init__(self, model: LanguageModel, prompts: Prompts) -> None:
        self._model = model
        self._prompts = prompts
        self._given = SessionConfig()
        self.apologies = prompts.apologies(Instructions())
        """In the language of the character."""
        self._policy = Policy(apology=self.apologies.unanswered)

    def change(self, config: SessionConfig) -> ev.SessionConfigured:
        """Take in the fields that `config` sets; raises `InvalidRequest`, and then none of them counts."""
        policy = policy_of(config, self._policy)
        instructions = None
        if config.HasField("instructions"):
            instructions = self._prompts.render(config.instructions, model=self._model.known_name)
            self.apologies = self._prompts.apologies(config.instructions)
            policy = replace(policy, apology=self.apologies.unanswered)
            self._given.ClearField("instructions")  # a character is replaced, not merged field by field
        self._policy = policy
        self._given.MergeFrom(config)
        voice = config.voice if config.HasField("voice") else None
        return ev.SessionConfigured(policy=policy, instructions=instructions, voice=voice)

    def effective(self) -> SessionConfig:
        """Return the session as it stands."""
        return config_of(self._given, self._policy)


def policy_of(config: SessionConfig, present: Policy) -> Policy:
    """Return `present` with what `config` sets changed. Raises `InvalidRequest` naming the field that cannot be."""
    if config.turn_mode not in (TURN_MODE_UNSPECIFIED, TURN_MODE_AUTOMATIC):
        raise InvalidRequest(
            f"turn_mode {config.turn_mode} does not exist: expected automatic", field="config.session.turn_mode"
        )
    changed: dict[str, bool | float] = {}
    if config.HasField("greeting"):
        changed["greeting"] = config.greeting
    if config.HasField("goodbye"):
        changed["goodbye"] = config.goodbye
    if config.HasField("silence_timeout"):
        changed["silence_timeout"] = _between("silence_timeout", seconds(config.silence_timeout), 0.0, _LONGEST)
    if config.HasField("pacing_lead"):
        changed["pacing_lead"] = _between("pacing_lead", seconds(config.pacing_lead), *_PACING_LEAD)
    if config.HasField("confirmation_time"):
        changed["confirmation_time"] = _between("confirmation_time", seconds(config.confirmation_time), 0.0, _LONGEST)
    if config.reply_modality != REPLY_MODALITY_UNSPECIFIED:
        if config.reply_modality not in (REPLY_MODALITY_SPEECH, REPLY_MODALITY_TEXT):
            raise InvalidRequest(
                f"reply_modality {config.reply_modality} does not exist: expected speech or text",
                field="config.session.reply_modality",
            )
        changed["spoken"] = config.reply_modality == REPLY_MODALITY_SPEECH
    return replace(present, **changed)  # type: ignore[arg-type]  # replace cannot see which key has which type


def config_of(given: SessionConfig, policy: Policy) -> SessionConfig:
    """Return the session as it stands: what was `given` so far, with everything else filled in from `policy`."""
    effective = SessionConfig(
        voice=given.voice,
        recording_consent=given.recording_consent,
        greeting=policy.greeting,
        goodbye=policy.goodbye,
        silence_timeout=duration(policy.silence_timeout),
        pacing_lead=duration(policy.pacing_lead),
        confirmation_time=duration(policy.confirmation_time),
        turn_mode=TURN_MODE_AUTOMATIC,
        reply_modality=REPLY_MODALITY_SPEECH if policy.spoken else REPLY_MODALITY_TEXT,
    )
    if given.HasField("instructions"):
        effective.instructions.CopyFrom(given.instructions)
    return effective


def _between(field: str, value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        raise InvalidRequest(
            f"{field} is {value:g} s: expected {least:g} s to {most:g} s", field=f"config.session.{field}"
        )
    return value
