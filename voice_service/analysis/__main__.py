"""`python -m voice_service.analysis TASK`: the recording at standard input, the result at standard output.

TASK is `features`, for `VoiceFeatures` as JSON, or `wav`, for the recording as 16-bit WAV of one channel. Exit code 3
means that the recording is of no use, 4 that this installation cannot decode its kind; standard error then tells why
in one line.
"""

import io
import os
import sys
import wave
from typing import NoReturn

# One thread has done with a recording in less than a second, and a pool of them would count as memory.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import msgspec
import numpy as np

from mesh.process.platform import limit_this_process
from voice_service.analysis.containers import ExtraMissing, Unusable
from voice_service.analysis.exit_codes import EXTRA_MISSING, UNUSABLE
from voice_service.analysis.features import features_of
from voice_service.analysis.recording import SAMPLE_RATE, decoded

WAV_RATE = 24_000

_MOST_BYTES = 1 << 30
"""Of memory; a usual recording takes a third of that, the libraries included."""
_MOST_CPU_S = 10


def main() -> None:
    """Do one task with one recording, within limits that an honest one does not reach."""
    limit_this_process(memory_bytes=_MOST_BYTES, cpu_s=_MOST_CPU_S)
    _silence_decoders()
    try:
        result = _TASKS[sys.argv[1]](sys.stdin.buffer.read())
    except ExtraMissing as error:
        _end(error, EXTRA_MISSING)
    except Unusable as error:
        _end(error, UNUSABLE)
    sys.stdout.buffer.write(result)


def _features(recording: bytes) -> bytes:
    return msgspec.json.encode(features_of(decoded(recording), SAMPLE_RATE))


def _wav(recording: bytes) -> bytes:
    samples = decoded(recording, WAV_RATE)
    if not len(samples):
        raise Unusable("there is no sound in it")
    kept = io.BytesIO()
    with wave.open(kept, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(WAV_RATE)
        file.writeframes(np.rint(samples * 32_767).astype("<i2").tobytes())
    return kept.getvalue()


_TASKS = {"features": _features, "wav": _wav}


def _silence_decoders() -> None:
    """Keep what decoders print away from standard error, but not what this program does."""
    sys.stderr = os.fdopen(os.dup(2), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _end(error: Unusable, code: int) -> NoReturn:
    sys.stderr.write(f"{error}\n")
    raise SystemExit(code) from None


if __name__ == "__main__":
    main()
