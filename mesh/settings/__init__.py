"""Settings: frozen structs, read once in `main` from the environment and passed down.

A setting is a field annotated with `setting(…)`; its type and its `msgspec` constraints decide what is accepted:

    class SttSettings(ServiceSettings, frozen=True, kw_only=True):
        env_prefix: ClassVar[str] = "PARLEY_STT_"
        port: Port = 50052  # read from PARLEY_STT_PORT
        decoders: Annotated[int, setting(help="Decoders; 0: two per core.", ge=0)] = 0  # read from PARLEY_STT_DECODERS
        api_key: Annotated[str | None, setting(help="Sent upstream.", env="KYUTAI_API_KEY", secret=True)] = None

A constraint fits no union; write `Annotated[Annotated[int, msgspec.Meta(ge=1)] | None, setting(…)]`. A tuple is written
as a comma-separated list, a dictionary as a JSON object. A variable that is set but empty counts as left out.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar

import msgspec

from mesh.settings.expectations import accepts_list, accepts_object, expectation
from mesh.settings.renamed import RENAMED, old_names
from mesh.text.masking import MASK, masked, masked_value


class SettingError(Exception):
    """Settings cannot be used. `faults` has a line for each: it names the variable and says what was expected."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class SettingDescription(NamedTuple):
    """What a person should know about one setting."""

    name: str
    env: tuple[str, ...]
    default: Any
    """The value when no variable is set. `msgspec.NODEFAULT`: it must be set. A secret's is "***"."""
    expected: str
    help: str
    secret: bool
    parse: Callable[[Any], Any] | None = None
    """What else a value must be; see `setting`."""


class Reading(NamedTuple):
    """What an environment makes of one setting."""

    setting: SettingDescription
    value: Any
    """As the process would get it; None where `fault` says that it would not start."""
    source: str | None
    """The variable, or the override, that gives the value; None: it is the default."""
    fault: str | None

    @property
    def renamed(self) -> str | None:
        """What to say if the variable that gives the value has a new name; None: it has not."""
        new = RENAMED.get(self.source or "")
        return f"{self.source} is now called {new}; the old name still works" if new else None


def setting(
    *,
    help: str,  # noqa: A002 - reads as what it is
    env: str | tuple[str, ...] = (),
    secret: bool = False,
    parse: Callable[[Any], Any] | None = None,
    **constraints: Any,
) -> msgspec.Meta:
    """Describe a field: put the result into its `Annotated`.

    `env` names its variables, of which the first that is set wins; left out, it is the class's `env_prefix` with the
    field's name in capitals. The value of a `secret` is never shown. `constraints` are those of `msgspec.Meta`. `parse`
    is given a value that fits them, and returns the one to use; its `ValueError` says why there is none.
    """
    names = (env,) if isinstance(env, str) else env
    return msgspec.Meta(description=help, extra={"env": names, "secret": secret, "parse": parse}, **constraints)


Port = Annotated[int, setting(help="TCP port to listen on. 0: any free port.", ge=0, le=65_535)]
MetricsPort = Annotated[int, setting(help="Port for Prometheus. 0: no such port.", ge=0, le=65_535)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What settings have in common: those of a process, and those of an engine."""

    env_prefix: ClassVar[str] = "PARLEY_"

    def __repr__(self) -> str:
        shown = (f"{each.name}={_shown(getattr(self, each.name), each)!r}" for each in describe(type(self)))
        return f"{type(self).__name__}({', '.join(shown)})"


class ServiceSettings(Settings, frozen=True, kw_only=True):
    """Settings of every service. A service adds its own fields and gives both ports their defaults."""

    host: Annotated[str, setting(help="Address to listen on.", min_length=1)] = "127.0.0.1"
    port: Port = 0
    metrics_port: MetricsPort = 0
    drain_limit_s: Annotated[
        float, setting(help="Seconds that live streams may continue after a request to stop.", ge=0, le=3_600)
    ] = 30.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], setting(help="Minimum log level.", env="PARLEY_LOG_LEVEL")
    ] = "info"
    log_format: Annotated[
        Literal["console", "json"],
        setting(help="Format of the log: for people, or JSON lines.", env="PARLEY_LOG_FORMAT"),
    ] = "console"


S = TypeVar("S", bound=Settings)


def load(settings_type: type[S], environ: Mapping[str, str], **overrides: Any) -> S:
    """Read the settings from `environ`; an override that is not None goes before a variable.

    Raises `SettingError` for the values that do not fit or are missing, and for an override that is no setting.
    """
    if unknown := overrides.keys() - {each.name for each in describe(settings_type)}:
        raise SettingError(f"{settings_type.__name__} has no setting {', '.join(sorted(unknown))}")
    readings = read(settings_type, environ, **overrides)
    if faults := [each.fault for each in readings if each.fault]:
        raise SettingError(*faults)
    return settings_type(**{each.setting.name: each.value for each in readings if each.source})


def read(settings_type: type[Settings], environ: Mapping[str, str], **overrides: Any) -> list[Reading]:
    """What `load` would find, setting by setting and with every fault; a person may be shown it, but for secrets."""
    fields = {field.name: field for field in msgspec.structs.fields(settings_type)}
    return [_reading(each, fields[each.name], _given(each, environ, overrides)) for each in describe(settings_type)]


def describe(settings_type: type[Settings]) -> list[SettingDescription]:
    """Every setting of a process or an engine, in the order of its fields."""
    declared = msgspec.inspect.type_info(settings_type)
    assert isinstance(declared, msgspec.inspect.StructType)  # noqa: S101 - what type_info says of a Struct
    return [_description(field, settings_type.env_prefix) for field in declared.fields]


def _description(field: msgspec.inspect.Field, env_prefix: str) -> SettingDescription:
    declared = field.type
    if not isinstance(declared, msgspec.inspect.Metadata) or not declared.extra:
        raise TypeError(f"the field {field.name} is not annotated with setting(…)")
    default = _default(field)
    secret = declared.extra["secret"]
    return SettingDescription(
        name=field.name,
        env=declared.extra["env"] or (env_prefix + field.name.upper(),),
        default=MASK if secret and default not in (None, (), msgspec.NODEFAULT) else default,
        expected=expectation(declared),
        help=(declared.extra_json_schema or {}).get("description", ""),
        secret=secret,
        parse=declared.extra["parse"],
    )


def _given(
    description: SettingDescription, environ: Mapping[str, str], overrides: Mapping[str, Any]
) -> tuple[str, Any] | None:
    """Where the setting is given a value, and which: the strongest wins."""
    if overrides.get(description.name) is not None:
        return description.name, overrides[description.name]
    names = [*description.env[:1], *old_names(description.env[0]), *description.env[1:]]
    return next(((name, environ[name]) for name in names if environ.get(name)), None)


def _reading(
    description: SettingDescription, field: msgspec.structs.FieldInfo, given: tuple[str, Any] | None
) -> Reading:
    if given is None:
        fault = None
        if description.default is msgspec.NODEFAULT:
            fault = f"{description.env[0]} is not set: expected {description.expected}. {description.help}"
        return Reading(description, None if fault else _default(field), None, fault)
    source, value = given
    shown = _shown(value, description)
    try:
        converted = _converted(value, field.type)
    except msgspec.DecodeError:  # which a value that does not fit is, too
        # The error itself would show the value's type at best and a secret at worst.
        fault = f"{source}={shown} is not {description.expected}. {description.help}"
        return Reading(description, None, source, fault)
    try:
        return Reading(description, description.parse(converted) if description.parse else converted, source, None)
    except ValueError as error:
        return Reading(description, None, source, f"{source}={shown} cannot be used: {masked(str(error))}")


def _default(field: msgspec.structs.FieldInfo | msgspec.inspect.Field) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _converted(value: Any, wanted: Any) -> Any:
    if isinstance(value, str):
        accepted = msgspec.inspect.type_info(wanted)
        if accepts_list(accepted):
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif accepts_object(accepted):
            value = msgspec.json.decode(value)
    return msgspec.convert(value, wanted, strict=False)


def _shown(value: Any, description: SettingDescription) -> Any:
    """A value as it may be shown; what is inside a URL or an object may be a secret, too."""
    if description.secret and value is not None:
        return MASK
    return masked_value(value)
