"""A voice's network, which makes speech of phonemes and gives the duration of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 24_000
"""What the network was trained for."""
_DURATIONS: Final = "/Round_output_0"
"""The value inside the graph that holds how many steps each phoneme lasts."""
_GRAPH, _OUTPUT, _NAME = 7, 12, 1
"""Fields of ONNX: ModelProto.graph, GraphProto.output, ValueInfoProto.name."""
_FATAL: Final = 4
"""ONNX Runtime's log level: a cancelled run is no error."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What the network made of some phonemes."""

    samples: NDArray[np.float32]
    """24 000 Hz, between about -0.5 and 0.5."""
    offsets_s: NDArray[np.float64]
    """Where each phoneme begins, and where the last one ends."""


class GivenUp(Exception):
    """The speech is no longer wanted."""


class Run:
    """One synthesis, which another thread may give up."""

    def __init__(self) -> None:
        # Here, so that a proxy without this engine needs no such package.
        import onnxruntime  # noqa: PLC0415

        self.options: Any = onnxruntime.RunOptions()
        self.options.log_severity_level = _FATAL

    @property
    def is_given_up(self) -> bool:
        """Whether it is."""
        return bool(self.options.terminate)

    def give_up(self) -> None:
        """Stop the network at its next operator, within a few milliseconds."""
        self.options.terminate = True


class Model:
    """A network and the memory it works in. One thread may use it at a time."""

    def __init__(self, path: Path) -> None:
        import onnxruntime  # noqa: PLC0415
        from hibari import dsp  # noqa: PLC0415

        if dsp.SR != SAMPLE_RATE:
            raise RuntimeError(f"hibari makes speech of {dsp.SR} Hz; {SAMPLE_RATE} is expected")
        options = onnxruntime.SessionOptions()
        # More threads gain little, and would take the cores from the other processes of the mesh.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL
        self._session = onnxruntime.InferenceSession(
            with_output(path.read_bytes(), _DURATIONS), options, providers=["CPUExecutionProvider"]
        )
        self._synthesize = dsp.synth
        self._noise = np.random.default_rng()

    def speak(self, phonemes: Sequence[int], speed: float, run: Run) -> Sound:
        """Speak phonemes, by their numbers, pads included. Raises `GivenUp`; blocks meanwhile."""
        inputs = {"ids": np.asarray([phonemes], np.int64), "speed": np.asarray([speed], np.float32)}
        try:
            *spectra, durations = self._session.run(None, inputs, run.options)
        except Exception:
            # The library has no error of its own for this.
            if run.is_given_up:
                raise GivenUp from None
            raise
        if run.is_given_up:
            raise GivenUp
        samples = self._synthesize(*(spectrum[0] for spectrum in spectra), self._noise)
        steps = np.concatenate([[0.0], np.cumsum(durations.reshape(-1), dtype=np.float64)])
        return Sound(samples, steps / steps[-1] * len(samples) / SAMPLE_RATE)


def with_output(model: bytes, value: str) -> bytes:
    """Return an ONNX model that also gives out a value from inside its graph.

    A message that is there twice is one message with the fields of both, and fields that repeat are appended: so the
    model need not be parsed.
    """
    return model + _field(_GRAPH, _field(_OUTPUT, _field(_NAME, value.encode())))


def _field(number: int, content: bytes) -> bytes:
    """A field of Protocol Buffers that has a length: up to 127 bytes in a field of up to 15."""
    return bytes([number << 3 | 2, len(content)]) + content
