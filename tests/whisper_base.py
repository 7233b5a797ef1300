"""Whisper base, the model that a mesh listens with by default. It has 146 MB, so not every run of the tests has it."""

import asyncio
from pathlib import Path

from mesh.engines.weights import WeightsSettings, WeightStore
from stt_proxy.engines.whisper.models import MODELS
from tests.requirements import required

BASE = MODELS["base"]


def whisper_base() -> Path | None:
    """Where the model is, fetched if PARLEY_TESTS_REQUIRE names `base`; None: it is not here."""
    store = WeightStore(WeightsSettings())
    found = store.find(BASE.weights)
    if found is None and required("base"):
        found = asyncio.run(store.obtain(BASE.weights))
    return None if found is None else found.folder
