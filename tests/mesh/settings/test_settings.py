from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pytest

from mesh.settings import Port, ServiceSettings, SettingError, describe, load, read, setting

PRIVATE = "sk-1234"


class BakerySettings(ServiceSettings, frozen=True, kw_only=True):
    env_prefix: ClassVar[str] = "BAKERY_"

    port: Port = 4_000
    ovens: Annotated[int, setting(help="How many ovens.", ge=1)] = 2
    heat: Annotated[float, setting(help="In degrees.", gt=0)] = 230.0
    open_sundays: Annotated[bool, setting(help="Whether to open.")] = False
    grains: Annotated[tuple[str, ...], setting(help="What to mill.", env="GRAINS")] = ("rye",)
    mill: Annotated[Literal["stone", "steel"], setting(help="What with.", env=("MILL", "OLD_MILL"))] = "stone"
    queue: Annotated[Annotated[int, msgspec.Meta(ge=0)] | None, setting(help="How many may wait.")] = None
    key: Annotated[str | None, setting(help="Opens the till.", env="TILL_KEY", secret=True)] = None
    pin: Annotated[int, setting(help="Opens the door.", env="DOOR_PIN", secret=True)] = 0


class MillSettings(ServiceSettings, frozen=True, kw_only=True):
    env_prefix: ClassVar[str] = "MILL_"

    more: Annotated[dict[str, Any] | None, setting(help="Whatever else.")] = None


class TownSettings(ServiceSettings, frozen=True, kw_only=True):
    name: Annotated[str, setting(help="Whose town.", pattern="^[a-z]+$")]


def refusal(environ: Mapping[str, str]) -> str:
    with pytest.raises(SettingError) as caught:
        load(BakerySettings, environ)
    return str(caught.value)


def test_nothing_set_is_the_defaults() -> None:
    assert load(BakerySettings, {}) == BakerySettings()


def test_text_becomes_the_type_of_the_field() -> None:
    settings = load(
        BakerySettings,
        {
            "BAKERY_PORT": "4001",
            "BAKERY_OVENS": "3",
            "BAKERY_HEAT": "180.5",
            "BAKERY_OPEN_SUNDAYS": "true",
            "GRAINS": "rye, wheat,spelt",
            "MILL": "steel",
            "BAKERY_QUEUE": "7",
            "TILL_KEY": PRIVATE,
        },
    )
    assert (settings.port, settings.ovens, settings.heat, settings.open_sundays) == (4_001, 3, 180.5, True)
    assert settings.grains == ("rye", "wheat", "spelt")
    assert (settings.mill, settings.queue, settings.key) == ("steel", 7, PRIVATE)


def test_an_object_is_written_in_json() -> None:
    settings = load(MillSettings, {"MILL_MORE": '{"sieve": [1, {"fine": true}]}'})
    assert settings.more == {"sieve": [1, {"fine": True}]}
    assert load(MillSettings, {}, more={"a": 1}).more == {"a": 1}


@pytest.mark.parametrize("text", ["sieve", "[1]", '{"sieve": ', "7"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="is not a JSON object"):
        load(MillSettings, {"MILL_MORE": text})


def test_shared_names_reach_every_service() -> None:
    environ = {"PARLEY_LOG_LEVEL": "debug", "PARLEY_LOG_FORMAT": "json", "BAKERY_HOST": "::1"}
    settings = load(BakerySettings, environ)
    assert (settings.log_level, settings.log_format, settings.host) == ("debug", "json", "::1")


def test_of_several_names_the_first_that_is_set_wins() -> None:
    assert load(BakerySettings, {"OLD_MILL": "steel"}).mill == "steel"
    assert load(BakerySettings, {"OLD_MILL": "steel", "MILL": "stone"}).mill == "stone"


def test_an_empty_variable_counts_as_left_out() -> None:
    assert load(BakerySettings, {"BAKERY_OVENS": "", "TILL_KEY": ""}) == BakerySettings()


def test_an_override_goes_before_the_environment_unless_it_is_none() -> None:
    environ = {"BAKERY_OVENS": "3"}
    assert load(BakerySettings, environ, ovens=5).ovens == 5
    assert load(BakerySettings, environ, ovens="5").ovens == 5
    assert load(BakerySettings, environ, ovens=None).ovens == 3


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"BAKERY_OVENS": "two"}, "BAKERY_OVENS=two is not a whole number at least 1. How many ovens."),
        ({"BAKERY_OVENS": "0"}, "BAKERY_OVENS=0 is not a whole number at least 1. How many ovens."),
        ({"BAKERY_HEAT": "-3"}, "BAKERY_HEAT=-3 is not a number above 0. In degrees."),
        ({"BAKERY_OPEN_SUNDAYS": "perhaps"}, "BAKERY_OPEN_SUNDAYS=perhaps is not true or false. Whether to open."),
        ({"OLD_MILL": "wood"}, "OLD_MILL=wood is not one of steel, stone. What with."),
        ({"BAKERY_QUEUE": "-1"}, "BAKERY_QUEUE=-1 is not a whole number at least 0. How many may wait."),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(environ: Mapping[str, str], message: str) -> None:
    assert refusal(environ) == message


def test_every_value_that_does_not_fit_is_told_at_once() -> None:
    with pytest.raises(SettingError) as caught:
        load(BakerySettings, {"BAKERY_OVENS": "two", "DOOR_PIN": PRIVATE, "MILL": "steel"})
    assert [fault.partition(" ")[0] for fault in caught.value.faults] == ["BAKERY_OVENS=two", "DOOR_PIN=***"]
    assert str(caught.value) == "\n".join(caught.value.faults)


def test_a_reading_tells_where_each_value_comes_from() -> None:
    environ = {"OLD_MILL": "steel", "BAKERY_OVENS": "two", "BAKERY_HEAT": ""}
    readings = {each.setting.name: each for each in read(BakerySettings, environ, queue=7)}
    assert (readings["mill"].value, readings["mill"].source, readings["mill"].fault) == ("steel", "OLD_MILL", None)
    assert (readings["heat"].value, readings["heat"].source) == (230.0, None)
    assert (readings["queue"].value, readings["queue"].source) == (7, "queue")
    assert (readings["ovens"].value, readings["ovens"].source) == (None, "BAKERY_OVENS")
    assert readings["ovens"].fault == refusal({"BAKERY_OVENS": "two"})


def test_a_port_out_of_range_is_refused() -> None:
    assert refusal({"BAKERY_PORT": "70000"}).startswith("BAKERY_PORT=70000 is not a whole number from 0 to 65535.")


def test_a_setting_without_default_must_be_given() -> None:
    with pytest.raises(SettingError, match=r"PARLEY_NAME is not set: expected a text that matches \^\[a-z\]\+\$"):
        load(TownSettings, {})
    assert load(TownSettings, {"PARLEY_NAME": "ulm"}).name == "ulm"


def test_an_override_that_is_no_setting_is_refused() -> None:
    with pytest.raises(SettingError, match="BakerySettings has no setting butter"):
        load(BakerySettings, {}, butter=1)


def test_a_secret_is_never_shown() -> None:
    assert PRIVATE not in repr(load(BakerySettings, {"TILL_KEY": PRIVATE}))
    assert PRIVATE not in refusal({"DOOR_PIN": PRIVATE})
    assert refusal({"DOOR_PIN": PRIVATE}) == "DOOR_PIN=*** is not a whole number. Opens the door."


def test_a_title_says_what_is_expected() -> None:
    class MillSettings(ServiceSettings, frozen=True, kw_only=True):
        grains: Annotated[
            tuple[Annotated[str, msgspec.Meta(pattern="^r", title="a grain")], ...], setting(help="More of it.")
        ] = ()

    described = {each.name: each.expected for each in describe(MillSettings)}
    assert described["grains"] == "a list separated by commas, each a grain"
    with pytest.raises(SettingError, match="PARLEY_GRAINS=oats is not a list separated by commas, each a grain"):
        load(MillSettings, {"PARLEY_GRAINS": "oats"})


def test_describe_tells_what_help_needs() -> None:
    described = {each.name: each for each in describe(BakerySettings)}
    assert described["ovens"].env == ("BAKERY_OVENS",)
    assert described["mill"].env == ("MILL", "OLD_MILL")
    assert described["ovens"].default == 2
    assert described["ovens"].help == "How many ovens."
    assert described["grains"].expected == "a list separated by commas, each a text"
    assert described["pin"].default == "***"
    assert described["key"].default is None
    assert described["key"].secret


def test_a_field_without_its_setting_is_a_mistake_of_the_author() -> None:
    class Plain(ServiceSettings, frozen=True, kw_only=True):
        flour: str = "white"

    with pytest.raises(TypeError, match="flour is not annotated with setting"):
        describe(Plain)
