"""The session's settings: as the client gives them bit by bit, as the core takes them, and as they stand."""

import re
from dataclasses import replace

from mesh.errors import InvalidRequest
from mesh.times import duration, seconds
from orchestrator.conversation import Policy
from orchestrator.conversation import events as ev
from orchestrator.llm.several import AnyLanguageModel
from orchestrator.prompts.prompts import Prompts
from orchestrator.session.recognition import Language
from parley.conversation.v1.conversation_pb2 import (
    EAGERNESS_AUTO,
    EAGERNESS_HIGH,
    EAGERNESS_LOW,
    EAGERNESS_UNSPECIFIED,
    REPLY_MODALITY_SPEECH,
    REPLY_MODALITY_TEXT,
    REPLY_MODALITY_UNSPECIFIED,
    TURN_MODE_AUTOMATIC,
    TURN_MODE_MANUAL,
    TURN_MODE_UNSPECIFIED,
    Instructions,
    SessionConfig,
)

_PACING_LEAD = (0.08, 60.0)
_END_OF_TURN_DELAY = (0.0, 10.0)
_INTERRUPTION_WORDS = (1, 10)
_MOST_SILENCE_PROMPTS = 1_000

_DELAYS = {
    EAGERNESS_LOW: (0.6, 2.0, 1.6),
    EAGERNESS_AUTO: (0.0, 0.9, 0.9),
    EAGERNESS_HIGH: (0.0, 0.3, 0.4),
}
"""Seconds from a pause to the end of the turn for words that read as finished, as unfinished, and as dictated.

`benchmarks/end_of_turn.py` measures what each costs and saves.
"""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_LONGEST = 3_600.0


class SessionOptions:
    """One session's settings. A character is rendered when it is given, with the headlines there are at that moment."""

    def __init__(self, model: AnyLanguageModel, prompts: Prompts, *, speculative: bool = False) -> None:
        """`speculative`: replies are prepared before the turn is over."""
        self._model = model
        self._prompts = prompts
        self._given = SessionConfig()
        self.apologies = prompts.apologies(Instructions())
        """In the language of the session, else of the character."""
        self._policy = Policy(apology=self.apologies.unanswered, speculative=speculative)

    @classmethod
    def restored(cls, model: AnyLanguageModel, prompts: Prompts, given: bytes, policy: Policy) -> "SessionOptions":
        """The settings of a session that was written down: `given` is what `as_given` returned."""
        options = cls(model, prompts)
        options._given = SessionConfig.FromString(given)
        options._policy = policy
        options.apologies = prompts.apologies(options._given.instructions, options._given.language)
        return options

    def as_given(self) -> bytes:
        """What the client has set so far, serialised."""
        return self._given.SerializeToString()

    def change(self, config: SessionConfig) -> ev.SessionConfigured:
        """Take in the fields that `config` sets; raises `InvalidRequest`, and then none of them counts."""
        given = _merged(self._given, config)
        policy = delayed(policy_of(config, self._policy), given)
        instructions = None
        if config.HasField("instructions"):
            instructions = self._prompts.render(config.instructions, model=self._model.known_name)
        self.apologies = self._prompts.apologies(given.instructions, given.language)
        self._policy = replace(policy, apology=self.apologies.unanswered)
        self._given = given
        voice = config.voice if config.HasField("voice") else None
        return ev.SessionConfigured(policy=self._policy, instructions=instructions, voice=voice)

    @property
    def language(self) -> Language:
        """What the person speaks: what the client said, else the one language of a character that names one."""
        if self._given.language:
            return Language(self._given.language, asked_for=True)
        return Language(self._prompts.spoken_language(self._given.instructions), asked_for=False)

    def effective(self) -> SessionConfig:
        """Return the session as it stands."""
        return config_of(self._given, self._policy)


def policy_of(config: SessionConfig, present: Policy) -> Policy:
    """Return `present` with what `config` sets changed. Raises `InvalidRequest` naming the field that cannot be."""
    if config.turn_mode not in (TURN_MODE_UNSPECIFIED, TURN_MODE_AUTOMATIC, TURN_MODE_MANUAL):
        raise InvalidRequest(
            f"turn_mode {config.turn_mode} does not exist: expected automatic or manual",
            field="config.session.turn_mode",
        )
    if config.eagerness not in (EAGERNESS_UNSPECIFIED, *_DELAYS):
        raise InvalidRequest(
            f"eagerness {config.eagerness} does not exist: expected low, auto or high", field="config.session.eagerness"
        )
    _between("end_of_turn_delay", seconds(config.end_of_turn_delay), *_END_OF_TURN_DELAY)
    changed: dict[str, bool | float | str] = {}
    if config.turn_mode != TURN_MODE_UNSPECIFIED:
        changed["manual_turns"] = config.turn_mode == TURN_MODE_MANUAL
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
    if config.HasField("language"):
        changed["language"] = _language(config.language)
    if config.HasField("ignore_backchannels"):
        changed["ignore_backchannels"] = config.ignore_backchannels
    if config.HasField("interruption_words"):
        changed["interruption_words"] = _whole("interruption_words", config.interruption_words, *_INTERRUPTION_WORDS)
    if config.HasField("silence_prompts"):
        changed["silence_prompts"] = _whole("silence_prompts", config.silence_prompts, 0, _MOST_SILENCE_PROMPTS)
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
        turn_mode=TURN_MODE_MANUAL if policy.manual_turns else TURN_MODE_AUTOMATIC,
        reply_modality=REPLY_MODALITY_SPEECH if policy.spoken else REPLY_MODALITY_TEXT,
        language=policy.language,
        end_of_turn_delay=given.end_of_turn_delay,
        eagerness=given.eagerness or EAGERNESS_AUTO,
        ignore_backchannels=policy.ignore_backchannels,
        interruption_words=policy.interruption_words,
        silence_prompts=policy.silence_prompts,
    )
    if given.HasField("instructions"):
        effective.instructions.CopyFrom(given.instructions)
    return effective


def _merged(present: SessionConfig, config: SessionConfig) -> SessionConfig:
    """Return `present` with the fields that `config` sets. A field that is a message is replaced as a whole."""
    merged = SessionConfig()
    merged.CopyFrom(present)
    for field, _ in config.ListFields():
        merged.ClearField(field.name)  # type: ignore[arg-type]  # one of its own
    merged.MergeFrom(config)
    return merged


def delayed(policy: Policy, given: SessionConfig) -> Policy:
    """Return `policy` with the waits after a pause that the session asked for so far."""
    finished, unfinished, dictated = _DELAYS[given.eagerness or EAGERNESS_AUTO]
    least = seconds(given.end_of_turn_delay)
    return replace(
        policy,
        end_of_turn_delay=max(finished, least),
        unfinished_delay=max(unfinished, least),
        dictation_delay=max(dictated, least),
    )


def _language(tag: str) -> str:
    if tag and not _LANGUAGE.fullmatch(tag):
        raise InvalidRequest(
            f"language {tag[:40]!r} is no BCP 47 tag: expected one such as en or pt-BR", field="config.session.language"
        )
    return tag


def _whole(field: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise InvalidRequest(f"{field} is {value}: expected {least} to {most}", field=f"config.session.{field}")
    return value


def _between(field: str, value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        raise InvalidRequest(
            f"{field} is {value:g} s: expected {least:g} s to {most:g} s", field=f"config.session.{field}"
        )
    return value
