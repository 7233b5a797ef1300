import os
from types import SimpleNamespace

import psutil
import pytest

from launcher.checks.machine import machine
from mesh.engines.findings import Finding, State
from tests.launcher.checks.conftest import Look

MB = 1 << 20

EMBEDDED = {"PARLEY_STT_ENGINE": "pocketsphinx", "PARLEY_TTS_ENGINE": "espeak"}


async def memory(context: Look, available_mb: int, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Finding:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available_mb * MB))
    _, finding, _ = await machine(await context(**EMBEDDED | variables))
    return finding


async def test_the_memory_of_the_embedded_recognisers_is_by_their_number(
    context: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed_mb = 300 + 2 * (os.cpu_count() or 1) * 110
    assert (await memory(context, needed_mb, monkeypatch)).state is State.FINE
    few = await memory(context, 500, monkeypatch, PARLEY_STT_POCKETSPHINX_WORKERS="4")
    assert few.state is State.ADVICE
    assert few.found == "500 MB are available; a mesh with 4 recognisers takes about 740 MB"
    assert few.remedy == "set PARLEY_STT_POCKETSPHINX_WORKERS to less than 4, or end other programs"


async def test_servers_elsewhere_take_no_memory_here(context: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = {"PARLEY_STT_ENGINE": "moshi", "KYUTAI_STT_URL": "ws://127.0.0.1:9", "PARLEY_STT_MOSHI_CAPACITY": "256"}
    finding = await memory(context, 320, monkeypatch, **elsewhere)
    assert finding.state is State.FINE
