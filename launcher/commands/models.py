"""`parley models`: the files of the models that embedded engines load."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from launcher.command import Command, Commands
from launcher.console import console
from launcher.failure import ExitCode, Failure
from mesh.engines.weights import Weights, WeightsSettings, WeightStore, WeightsUnavailable
from mesh.settings import SettingError, load
from stt_proxy.engines.whisper.models import MODELS

_KNOWN = {each.weights.name: each.weights for each in MODELS.values()}
_DEFAULT = MODELS["base"].weights.name

_NAMES = click.argument("names", nargs=-1, metavar="[MODEL]...", type=click.Choice([*_KNOWN]))
_EXIT_CODES = {ExitCode.USAGE: ExitCode.USAGE.meaning}


@click.group(
    cls=Commands,
    examples=[
        ("parley models list", "which are here, and where"),
        ("parley models fetch", "the one that listens, ahead of the first start"),
    ],
)
def models() -> None:
    """List, fetch, verify and remove the models of embedded engines.

    `parley up` fetches what it needs by itself. PARLEY_MODELS_NETWORK=0 forbids that.
    """


@click.command(name="list", cls=Command, examples=[("parley models list", "which are here, and where")])
def list_models() -> None:
    """Show every model: its size, and where it is."""
    store = _store()
    width = max(map(len, _KNOWN))
    for weights in _KNOWN.values():
        found = store.find(weights)
        where = f"in {found.source}" if found else "not here"
        click.echo(f"{weights.name:<{width}}  {_megabytes(weights):>6}  {weights.summary}; {where}")


@click.command(
    cls=Command,
    examples=[
        ("parley models fetch", f"{_DEFAULT}, the one that listens unless another is set"),
        ("parley models fetch whisper-tiny.en", "another"),
    ],
    exit_codes={**_EXIT_CODES, ExitCode.FAILED: "one cannot be fetched; the last lines say why"},
)
@_NAMES
def fetch(names: Sequence[str]) -> None:
    """Fetch the models MODEL, as far as they are not here. A fetch that was broken off goes on where it was.

    They come from the hub; where it cannot be reached, from the package index. PARLEY_MODELS_FOLDER says where to.
    """
    store = _store()
    for name in names or [_DEFAULT]:
        try:
            with _Bar() as bar:
                found = asyncio.run(store.obtain(_KNOWN[name], bar.show))
        except WeightsUnavailable as error:
            raise Failure(str(error)) from None
        click.echo(f"{name}: in {found.source}")


@click.command(
    cls=Command,
    examples=[("parley models verify", "hash every file again")],
    exit_codes={**_EXIT_CODES, ExitCode.FAILED: "a file is missing or damaged, or none of the models is here"},
)
@_NAMES
def verify(names: Sequence[str]) -> None:
    """Hash every file of the models MODEL, or of all that are here, and compare."""
    store = _store()
    wanted = [_KNOWN[name] for name in names] or [each for each in _KNOWN.values() if _folder(store, each)]
    if not wanted:
        raise Failure("no model is here; fetch one with: parley models fetch")
    damaged = False
    for weights in wanted:
        folder = _folder(store, weights) or store.cached(weights)
        faults = store.faults(weights, folder, anew=True)
        damaged = damaged or bool(faults)
        click.echo(f"{weights.name}: {'; '.join(faults) or f'every file in {folder} is as it should be'}")
    if damaged:
        raise Failure("fetch what is missing or damaged with: parley models fetch MODEL")


@click.command(
    cls=Command,
    examples=[("parley models remove whisper-tiny.en", "make room")],
    exit_codes=_EXIT_CODES,
)
@click.argument("names", nargs=-1, required=True, metavar="MODEL...", type=click.Choice([*_KNOWN]))
def remove(names: Sequence[str]) -> None:
    """Remove the models MODEL, and what was fetched of them, from the cache. Installed packages are left alone."""
    store = _store()
    for name in names:
        weights = _KNOWN[name]
        removed = store.remove(weights)
        click.echo(f"{name}: {'removed' if removed else 'was not'} in {store.cached(weights)}")
        if folder := store.installed(weights):
            click.echo(f"Note: {name} is still in an installed package, {folder}", err=True)


class _Bar:
    """What is fetched, as a bar on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        shown = console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=shown,
            disable=not shown.is_terminal,
        )
        self._task: TaskID | None = None

    def show(self, what: str, done: int, total: int) -> None:
        """Bring the bar up to date."""
        if self._task is None:
            self._task = self._progress.add_task(what)
        self._progress.update(self._task, description=what, completed=done, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _store() -> WeightStore:
    try:
        return WeightStore(load(WeightsSettings, os.environ))
    except SettingError as error:
        raise Failure("\n       ".join(error.faults)) from None


def _folder(store: WeightStore, weights: Weights) -> Path | None:
    folder = store.installed(weights) or store.cached(weights)
    return folder if folder.exists() else None


def _megabytes(weights: Weights) -> str:
    return f"{weights.size / 1e6:.0f} MB"


models.add_section(
    "Commands",
    {"list": lambda: list_models, "fetch": lambda: fetch, "verify": lambda: verify, "remove": lambda: remove},
)
