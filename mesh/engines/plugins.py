"""Engines as plugins: what an installed package must bring so that a proxy can run its engine, and the choice of one.

A package names its plugin in its pyproject.toml, in the group of the proxy that is to run the engine:

    [project.entry-points."parley.tts_engines"]
    humming = "humming.plugin:PLUGIN"

Every command that lists engines or settings imports the module that holds the plugin, so it must be cheap to import.
What is heavy, and what may not be installed, is imported inside `open` and `check`.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec
import structlog

from mesh.engines.extras import MissingExtra
from mesh.engines.findings import Finding
from mesh.settings import Reading, SettingError, Settings, load, read

_log = structlog.get_logger()

E = TypeVar("E")
"""The type of the engines of a group: the `Protocol` of its proxy."""
S = TypeVar("S", bound=Settings)


EngineName: TypeAlias = Annotated[str, msgspec.Meta(title="the name of an installed engine")]
"""The type of a setting that names an engine."""


class EngineUnavailable(Exception):
    """The engine that was asked for cannot run here; the message says why, and what to do."""


class Memory(NamedTuple):
    """The memory of this machine that an engine takes before anybody calls."""

    mb: int
    holder: str
    """What takes it: "4 recognisers"."""
    remedy: str
    """How to have it take less: "set PARLEY_STT_POCKETSPHINX_WORKERS to less than 4"."""


def _nothing() -> None:
    """Need nothing."""


@dataclass(frozen=True, kw_only=True)
class EnginePlugin(Generic[S, E]):
    """One engine. Every function gets the engine's own settings. All but `open` and `check` must be fast."""

    name: str
    """What the choosing variable calls it: "pocketsphinx". The entry point has the same name."""
    summary: str
    """For people, as the rest of "name: …": what it is, how good, and where it runs. No full stop at the end."""
    settings_type: type[S]
    """A frozen struct with variables of its own; see `mesh.settings`."""
    open: Callable[[S], AbstractAsyncContextManager[E]]
    """Runs the engine while the block runs: it takes streams when the block begins.

    Entering may raise `MissingExtra`, `mesh.settings.SettingError` for a setting that only the engine can
    judge, `EngineUnavailable` and `mesh.errors.MeshError`: each ends the process with one line.
    """
    check: Callable[[S], Awaitable[Sequence[Finding]]]
    """Tries the engine out for `parley doctor`, with the variables as they are. Runs in a process of its own, which may
    crash; what it raises is a finding."""
    check_installed: Callable[[], None] = _nothing
    """Raises `MissingExtra` where packages are missing, without importing them: `mesh.engines.extras.require`."""
    unavailable: Callable[[S], str | None] = lambda _: None
    """Why it cannot run here although its packages are installed ("its weights are not in /var/models"); None: it can.

    May look at files. It is asked before the engine is chosen.
    """
    is_configured: Callable[[S], bool] = lambda _: False
    """Whether the settings name its server: it is then chosen before any default, and never replaced."""
    default_rank: int | None = None
    """Its place among those that Parley chooses by itself, the smallest first; None: only when named or configured."""
    memory: Callable[[S], Memory | None] = lambda _: None
    """What it takes of this machine's memory; None: nothing worth counting."""


AnyPlugin: TypeAlias = EnginePlugin[Any, E]


@dataclass(frozen=True)
class Choice(Generic[E]):
    """The engine that runs, and why."""

    plugin: AnyPlugin[E]
    settings: Settings
    why: str
    """The rest of "name: …": for the log and for people."""
    missed: tuple[str, ...] = ()
    """The engines that would have been chosen before it, each with why it was not: "whisper (…): its weights …"."""
    fallback: "Choice[E] | None" = None
    """The engine that runs instead if this one turns out to be unavailable. None: the operator named this
    one, or there is no other."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[E]:
        """Run the engine, or what it falls back to, while the block runs; raises as `EnginePlugin.open` does."""
        async with AsyncExitStack() as running:
            try:
                engine = await running.enter_async_context(self.plugin.open(self.settings))
            except EngineUnavailable as error:
                if self.fallback is None:
                    raise
                worse = self.fallback.plugin
                _log.warning(
                    "engine replaced", engine=self.plugin.name, reason=str(error), by=worse.name, which_is=worse.summary
                )
                engine = await running.enter_async_context(self.fallback.open())
            yield engine

    def line(self, what: str) -> str:
        """One line for people, about the engine that is `what`: "speech recognition"."""
        missed = f" Better, but not here: {'; '.join(self.missed)}." if self.missed else ""
        return f"{what}: {self.plugin.name}, {self.plugin.summary} ({self.why}).{missed}"


class EngineGroup(Generic[E]):
    """The engines of one kind: all that are installed, and which of them runs.

    `entry_points` is the name of the group, `variable` the one that names an engine, `what` what they do, for people.
    """

    def __init__(self, entry_points: str, *, variable: str, what: str) -> None:
        self.entry_points = entry_points
        self.variable = variable
        self.what = what

    @property
    def _loaded(self) -> tuple[dict[str, AnyPlugin[E]], dict[str, str]]:
        return _load(self.entry_points, tuple(sys.path))

    @property
    def plugins(self) -> dict[str, AnyPlugin[E]]:
        """The installed engines by their names: first those that Parley chooses by itself, the best first."""
        return self._loaded[0]

    @property
    def broken(self) -> dict[str, str]:
        """The engines whose plugin cannot be loaded, by their names, each with the reason."""
        return self._loaded[1]

    def readings(self, environ: Mapping[str, str]) -> dict[str, list[Reading]]:
        """What `environ` makes of the settings of every installed engine, by its name."""
        return {name: read(plugin.settings_type, environ) for name, plugin in self.plugins.items()}

    def name_fault(self, environ: Mapping[str, str]) -> str | None:
        """Why the engine that `environ` names cannot be chosen, with the names there are; None: it can, or none is."""
        name = self._named(environ)
        if name is None or name in self.plugins:
            return None
        if reason := self.broken.get(name):
            return f"{self.variable}={name} cannot be loaded: {reason}"
        return f"{self.variable}={name} is not an installed engine: expected one of {', '.join(self.plugins) or 'none'}"

    def faults(self, environ: Mapping[str, str]) -> list[str]:
        """Every fault in the choice and in the settings of all installed engines."""
        named = self.name_fault(environ)
        faults = [each.fault for readings in self.readings(environ).values() for each in readings if each.fault]
        # Engines of a group may share variables.
        return list(dict.fromkeys([*([named] if named else []), *faults]))

    def choose(self, environ: Mapping[str, str]) -> Choice[E]:
        """The engine that `environ` names; else the one whose server is configured; else the best that can run here.

        Only the last is ever replaced by another. Raises `SettingError` with every fault, `MissingExtra` and
        `EngineUnavailable`.
        """
        if faults := self.faults(environ):
            raise SettingError(*faults)
        settings = {each.name: load(each.settings_type, environ) for each in self.plugins.values()}
        if name := self._named(environ):
            return _fixed(self.plugins[name], settings[name], f"named by {self.variable}")
        for plugin in self.plugins.values():
            if plugin.is_configured(settings[plugin.name]):
                return _fixed(plugin, settings[plugin.name], "its server is configured")
        return self._best(settings, list(self.plugins.values()))

    def _named(self, environ: Mapping[str, str]) -> str | None:
        return environ.get(self.variable) or None

    def _fallback(self, settings: Mapping[str, Settings], plugins: Sequence[AnyPlugin[E]]) -> Choice[E] | None:
        """The best of these that can run here; None: there is none."""
        try:
            return self._best(settings, plugins)
        except (MissingExtra, EngineUnavailable):
            return None

    def _best(self, settings: Mapping[str, Settings], plugins: Sequence[AnyPlugin[E]]) -> Choice[E]:
        missed: list[str] = []
        missing: MissingExtra | None = None
        for plugin in plugins:
            if plugin.default_rank is None:
                continue
            try:
                plugin.check_installed()
            except MissingExtra as error:
                missing = missing or error
                reason: str | None = str(error)
            else:
                reason = plugin.unavailable(settings[plugin.name])
            if reason is None:
                why = "the default" if not missed else "the best that can run here"
                after = plugins[plugins.index(plugin) + 1 :]
                return Choice(plugin, settings[plugin.name], why, tuple(missed), self._fallback(settings, after))
            missed.append(f"{plugin.name}, {plugin.summary}: {reason}")
        if missing is not None:
            raise missing
        raise EngineUnavailable(
            f"no engine for {self.what} can run here: {'; '.join(missed) or 'none is installed'}. "
            "If Parley was updated, install it again: engines are found through its installation"
        )


def _fixed(plugin: AnyPlugin[E], settings: Settings, why: str) -> Choice[E]:
    """Choose an engine that is not to be replaced by another."""
    plugin.check_installed()
    if reason := plugin.unavailable(settings):
        raise EngineUnavailable(f"{plugin.name} cannot run here: {reason}")
    return Choice(plugin, settings, why)


@cache
def _load(group: str, _path: Sequence[str]) -> tuple[dict[str, AnyPlugin[Any]], dict[str, str]]:
    """The plugins of a group and those that cannot be loaded, as long as packages are searched for in the same path."""
    plugins: dict[str, AnyPlugin[Any]] = {}
    broken: dict[str, str] = {}
    values: dict[str, str] = {}
    for each in entry_points(group=group):
        if values.setdefault(each.name, each.value) != each.value:
            broken[each.name] = f"two packages bring an engine of this name: {values[each.name]} and {each.value}"
            plugins.pop(each.name, None)
        elif each.name not in plugins:
            try:
                plugins[each.name] = _plugin(each)
            except Exception as error:  # noqa: BLE001 - a third party's module may raise anything
                broken[each.name] = f"{each.value}: {type(error).__name__}: {error}"
    ranked = sorted(
        plugins.values(), key=lambda plugin: (plugin.default_rank is None, plugin.default_rank or 0, plugin.name)
    )
    return {plugin.name: plugin for plugin in ranked}, broken


def _plugin(found: EntryPoint) -> AnyPlugin[Any]:
    plugin = found.load()
    if not isinstance(plugin, EnginePlugin):
        raise TypeError(f"expected a mesh.engines.plugins.EnginePlugin, found {type(plugin).__name__}")
    if plugin.name != found.name:
        raise ValueError(f"the plugin calls itself {plugin.name!r}, its entry point {found.name!r}")
    return plugin
