"""Every code and every sample, against tables made with the ITU's reference (as CPython's `audioop` had it)."""

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from mesh.audio.g711 import A_LAW, MU_LAW, Law

EVERY_SAMPLE = np.arange(65_536, dtype=np.uint16).view(np.int16)
EVERY_CODE = np.arange(256, dtype=np.uint8)


def digest(table: NDArray[np.uint8] | NDArray[np.int16]) -> str:
    return hashlib.sha256(table.tobytes()).hexdigest()


def test_mu_law_is_the_reference() -> None:
    codes = MU_LAW.encode(EVERY_SAMPLE)
    samples = MU_LAW.decode(EVERY_CODE)
    assert digest(codes) == "617fa4850d68d3906597e949f7625fb2fc46db479e29707f33159b3d131721cb"
    assert digest(samples) == "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827"


def test_a_law_is_the_reference() -> None:
    codes = A_LAW.encode(EVERY_SAMPLE)
    samples = A_LAW.decode(EVERY_CODE)
    assert digest(codes) == "f77c76aa923ee25617453f87514828a12896227f82ff383bf3bb53d6ac7c2a0f"
    assert digest(samples) == "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174"


@pytest.mark.parametrize(
    ("law", "sample", "code"),
    [
        (MU_LAW, 0, 0xFF),
        (MU_LAW, 32_767, 0x80),
        (MU_LAW, -32_768, 0x00),
        (MU_LAW, 1_000, 0xCE),
        (A_LAW, 0, 0xD5),
        (A_LAW, 32_767, 0xAA),
        (A_LAW, -32_768, 0x2A),
        (A_LAW, -1, 0x55),
    ],
)
def test_known_codes(law: Law, sample: int, code: int) -> None:
    assert law.encode(np.array([sample], np.int16))[0] == code


@pytest.mark.parametrize("law", [MU_LAW, A_LAW])
def test_a_decoded_code_encodes_to_a_code_of_the_same_sample(law: Law) -> None:
    samples = law.decode(EVERY_CODE)
    assert np.array_equal(law.decode(law.encode(samples)), samples)
