"""A stand-in for the package pocket-tts 4: what the engine calls of it, with the same names and parameters.

Its model speaks a tone of 80 ms for each letter. Neither PyTorch nor a model is needed.
"""

import sys
import threading
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FRAME = 1_920
LANGUAGES = ("english", "french", "german")
VOICES = ("alba", "estelle")


class TTSModel:
    """Set `offline` to have the hub out of reach, and `breaks` to have it fail while it speaks."""

    sample_rate = 24_000
    offline = False
    breaks = False
    loaded: tuple[str, bool] = ("", False)
    frames = 0
    slow = threading.Event()

    @classmethod
    def load_model(cls, language: str | None = None, *, quantize: bool = False) -> "TTSModel":
        if language not in LANGUAGES:
            raise FileNotFoundError(f"{language}.yaml")
        if cls.offline:
            raise ConnectionError("the hub cannot be reached")
        cls.loaded = (language, quantize)
        return cls()

    def get_state_for_audio_prompt(self, audio_conditioning: Path | str, *, truncate: bool = False) -> dict[str, Any]:
        assert not truncate
        if isinstance(audio_conditioning, str) and audio_conditioning not in VOICES:
            raise ValueError(f"{audio_conditioning} is no voice")
        return {"voice": str(audio_conditioning)}

    def generate_audio_stream(
        self, model_state: dict[str, Any], text_to_generate: str, *, stop: threading.Event | None = None
    ) -> Iterator[NDArray[np.float32]]:
        assert "voice" in model_state
        assert text_to_generate.strip()
        if self.breaks:
            raise RuntimeError("it went wrong")
        yield np.zeros(FRAME, np.float32)
        for _ in text_to_generate:
            if stop is not None and stop.is_set():
                return
            if self.slow.is_set() and stop is not None:
                stop.wait(0.05)
            type(self).frames += 1
            yield np.full(FRAME, 0.3, np.float32)
        yield np.zeros(FRAME, np.float32)


def install(patch: pytest.MonkeyPatch) -> type[TTSModel]:
    """Have the stand-in be the package that is imported, with a model of its own."""
    model: type[TTSModel] = type("TTSModel", (TTSModel,), {"slow": threading.Event()})
    package, defaults, torch = (ModuleType(name) for name in ("pocket_tts", "pocket_tts.default_parameters", "torch"))
    package.TTSModel = model  # type: ignore[attr-defined]
    defaults.get_default_voice_for_language = (  # type: ignore[attr-defined]
        lambda language: "estelle" if language == "french" else "alba"
    )
    for module in (package, defaults, torch):
        module.__spec__ = ModuleSpec(module.__name__, None)
        patch.setitem(sys.modules, module.__name__, module)
    return model
