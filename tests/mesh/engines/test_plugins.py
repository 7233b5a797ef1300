"""Which engine runs, by plugins in installed distributions: folders as pip leaves them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mesh.engines.extras import MissingExtra
from mesh.engines.plugins import EngineGroup, EngineUnavailable
from mesh.settings import SettingError
from tests.importable import importable

PLUGIN = """
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar
from mesh.engines.extras import require
from mesh.engines.plugins import EnginePlugin, EngineUnavailable
from mesh.settings import Settings, setting

class Own(Settings, frozen=True, kw_only=True):
    env_prefix: ClassVar[str] = "{prefix}"
    url: Annotated[str | None, setting(help="Its server.")] = None
    heat: Annotated[int, setting(help="How hot.", ge=0, le=9)] = 5

@asynccontextmanager
async def open_it(settings):
    if settings.heat == 0:
        raise EngineUnavailable("the oven stays cold")
    yield f"{name} at {{settings.heat}}"

async def check(settings):
    return []

PLUGIN = EnginePlugin(
    name="{name}",
    summary="bakes {name}",
    settings_type=Own,
    open=open_it,
    check=check,
    check_installed=lambda: require("{name}", "{name}[oven]", *{needs!r}),
    unavailable=lambda settings: {unavailable!r},
    is_configured=lambda settings: settings.url is not None,
    default_rank={rank},
)
"""

Install = Callable[..., None]


@pytest.fixture
def group(request: pytest.FixtureRequest) -> EngineGroup[str]:
    return EngineGroup(f"test.{request.node.name}", variable="PARLEY_OVEN", what="baking")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: EngineGroup[str]) -> Install:
    def make(
        name: str,
        *,
        rank: int | None = None,
        needs: tuple[str, ...] = (),
        unavailable: str | None = None,
        source: str | None = None,
        distribution: str | None = None,
    ) -> None:
        module = f"{group.entry_points.replace('.', '_')}_{name}_{distribution or ''}"
        folder = tmp_path / f"{distribution or name}"
        metadata = folder / f"{distribution or name}-1.dist-info"
        metadata.mkdir(parents=True)
        prefix = f"PARLEY_{name.upper()}_"
        written = source or PLUGIN.format(name=name, rank=rank, needs=needs, unavailable=unavailable, prefix=prefix)
        (folder / f"{module}.py").write_text(written)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {distribution or name}\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(f"[{group.entry_points}]\n{name} = {module}:PLUGIN\n")
        importable(monkeypatch, folder)

    return make


async def test_one_that_is_named_runs_with_its_own_settings(group: EngineGroup[str], install: Install) -> None:
    install("bread", rank=1)
    install("cake")
    choice = group.choose({"PARLEY_OVEN": "cake", "PARLEY_CAKE_HEAT": "7", "PARLEY_BREAD_URL": "http://bread"})
    assert (choice.plugin.name, choice.why, choice.missed) == ("cake", "named by PARLEY_OVEN", ())
    async with choice.open() as engine:
        assert engine == "cake at 7"


def test_one_that_is_named_is_never_replaced(group: EngineGroup[str], install: Install) -> None:
    install("bread", rank=1)
    install("cake", unavailable="the eggs are missing")
    install("pie", needs=("goose_feather",))
    with pytest.raises(EngineUnavailable, match="cake cannot run here: the eggs are missing"):
        group.choose({"PARLEY_OVEN": "cake"})
    with pytest.raises(MissingExtra, match=r"goose-feather; install them with: pip install 'pie\[oven\]'"):
        group.choose({"PARLEY_OVEN": "pie"})


def test_a_name_that_is_none_lists_those_there_are(group: EngineGroup[str], install: Install) -> None:
    install("bread", rank=1)
    install("cake")
    with pytest.raises(SettingError, match="PARLEY_OVEN=pie is not an installed engine: expected one of bread, cake"):
        group.choose({"PARLEY_OVEN": "pie"})


def test_one_whose_server_is_configured_goes_before_any_default(group: EngineGroup[str], install: Install) -> None:
    install("bread", rank=1)
    install("cake")
    choice = group.choose({"PARLEY_CAKE_URL": "http://cake"})
    assert (choice.plugin.name, choice.why) == ("cake", "its server is configured")


def test_the_best_that_can_run_is_the_default_and_says_what_is_better(
    group: EngineGroup[str], install: Install
) -> None:
    install("bread", rank=100)
    install("cake", rank=50, unavailable="the eggs are missing")
    install("pie", rank=10, needs=("goose_feather",))
    install("stew", rank=None)
    choice = group.choose({"PARLEY_OVEN": ""})
    assert choice.plugin.name == "bread"
    line = choice.line(group.what)
    assert line.startswith("baking: bread, bakes bread (the best that can run here). Better, but not here: pie, bakes")
    assert "cake, bakes cake: the eggs are missing." in line


async def test_a_default_that_turns_out_to_be_unavailable_is_replaced_by_the_next(
    group: EngineGroup[str], install: Install
) -> None:
    install("bread", rank=100)
    install("cake", rank=50)
    install("pie", rank=10)
    choice = group.choose({"PARLEY_PIE_HEAT": "0", "PARLEY_CAKE_HEAT": "0"})
    assert choice.plugin.name == "pie"
    with capture_logs() as logs:
        async with choice.open() as engine:
            assert engine == "bread at 5"
    replaced = [(log["engine"], log["by"], log["which_is"], log["reason"]) for log in logs]
    assert replaced == [
        ("pie", "cake", "bakes cake", "the oven stays cold"),
        ("cake", "bread", "bakes bread", "the oven stays cold"),
    ]


async def test_one_that_is_named_and_turns_out_to_be_unavailable_is_not_replaced(
    group: EngineGroup[str], install: Install
) -> None:
    install("bread", rank=100)
    install("cake", rank=50)
    choice = group.choose({"PARLEY_OVEN": "cake", "PARLEY_CAKE_HEAT": "0"})
    with pytest.raises(EngineUnavailable, match="the oven stays cold"):
        async with choice.open():
            pass


def test_where_none_can_run_the_command_that_helps_is_told(group: EngineGroup[str], install: Install) -> None:
    with pytest.raises(EngineUnavailable, match="no engine for baking can run here: none is installed"):
        group.choose({})
    install("pie", rank=10, needs=("goose_feather",))
    install("cake", rank=50, unavailable="the eggs are missing")
    with pytest.raises(MissingExtra, match="goose-feather"):
        group.choose({})


def test_every_fault_of_every_engine_is_told(group: EngineGroup[str], install: Install) -> None:
    install("bread", rank=1)
    install("cake")
    with pytest.raises(SettingError) as caught:
        group.choose({"PARLEY_OVEN": "pie", "PARLEY_BREAD_HEAT": "hot", "PARLEY_CAKE_HEAT": "99"})
    assert [fault.partition("=")[0] for fault in caught.value.faults] == [
        "PARLEY_OVEN",
        "PARLEY_BREAD_HEAT",
        "PARLEY_CAKE_HEAT",
    ]


def test_a_plugin_that_cannot_be_loaded_harms_only_itself(group: EngineGroup[str], install: Install) -> None:
    install("bread", rank=1)
    install("cake", source="raise RuntimeError('burnt')")
    install("pie", source="PLUGIN = 'pie'")
    assert group.choose({}).plugin.name == "bread"
    assert group.broken["cake"].endswith("RuntimeError: burnt")
    assert "expected a mesh.engines.plugins.EnginePlugin, found str" in group.broken["pie"]
    with pytest.raises(SettingError, match=r"PARLEY_OVEN=cake cannot be loaded: .*burnt"):
        group.choose({"PARLEY_OVEN": "cake"})


def test_two_packages_with_an_engine_of_one_name_are_told(group: EngineGroup[str], install: Install) -> None:
    install("bread", rank=1)
    install("cake", distribution="bakery")
    install("cake", distribution="patisserie")
    assert list(group.plugins) == ["bread"]
    assert "two packages bring an engine of this name" in group.broken["cake"]
