"""The session's settings as the client gives them, and as the conversation knows them."""

from dataclasses import replace

from mesh.errors import InvalidRequest
from mesh.times import duration, seconds
from orchestrator.conversation import Policy
from parley.conversation.v1.conversation_pb2 import (
    REPLY_MODALITY_SPEECH,
    REPLY_MODALITY_TEXT,
    REPLY_MODALITY_UNSPECIFIED,
    TURN_MODE_AUTOMATIC,
    TURN_MODE_UNSPECIFIED,
    SessionConfig,
)

_PACING_LEAD = (0.08, 60.0)
_LONGEST = 3_600.0


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
