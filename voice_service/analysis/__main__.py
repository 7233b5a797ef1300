"""`python -m voice_service.analysis`: the recording at standard input, its `VoiceFeatures` as JSON at standard output.

Exit code 3 means that the recording is of no use; standard error then tells why in one line.
"""

import os
import resource
import sys

# One thread has done with a recording in less than a second, and a pool of them would count as memory.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import msgspec

from voice_service.analysis.features import features_of
from voice_service.analysis.recording import SAMPLE_RATE, Unusable, decoded

UNUSABLE = 3
"""The exit code for a recording that nothing can be learned from."""

_MOST_BYTES = 1 << 30
"""Of memory; a usual recording takes a third of that, the libraries included."""
_MOST_CPU_S = 10


def main() -> None:
    """Analyse one recording, within limits that an honest one does not reach."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_S, _MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        features = features_of(decoded(sys.stdin.buffer.read()), SAMPLE_RATE)
    except Unusable as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(UNUSABLE) from None
    sys.stdout.buffer.write(msgspec.json.encode(features))


if __name__ == "__main__":
    main()
