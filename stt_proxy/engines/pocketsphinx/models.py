"""The model that a worker loads beside the detector: PocketSphinx, which decodes words."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pocketsphinx

from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.expletives import is_expletive
from stt_proxy.recognition.words import TimedWord

_SEGMENT_FRAME = SAMPLE_RATE // 100
"""Samples in the decoder's own frames, by which it gives the positions of words: 10 ms."""

_MOST_HYPOTHESES = 5_000
"""HMMs that may be active in a frame. It bounds the slowest frame to about a third of what it is without a bound."""


def known_words() -> str:
    """The dictionary of the pocketsphinx package, a line for each pronunciation, without expletives.

    What the decoder cannot hear it does not find in noise: it takes the next best word.
    """
    lines = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if not is_expletive(line.partition(" ")[0].partition("(")[0]))


class Decoder:
    """A speech decoder with the English model of the pocketsphinx package. Loading it takes about half a second."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory(prefix="parley-words-") as folder:
            words = Path(folder, "words.dict")
            words.write_text(known_words(), encoding="utf-8")
            # fwdflat searches the utterance a second time at its end: 350 ms for nothing that could be measured.
            self._decoder = pocketsphinx.Decoder(
                samprate=SAMPLE_RATE,
                dict=str(words),
                fwdflat=False,
                bestpath=True,
                maxhmmpf=_MOST_HYPOTHESES,
                loglevel="FATAL",
            )
        self._start = 0
        self._begun = False

    def begin(self, start: int) -> None:
        """Begin an utterance at position `start` of the stream."""
        self._start = start
        self._begun = True
        self._decoder.start_utt()

    def feed(self, samples: npt.NDArray[np.float32]) -> None:
        """Decode the utterance's next 16 kHz samples (-1 to 1)."""
        if len(samples):
            pcm = np.clip(samples * 32_768, -32_768, 32_767).astype("<i2")
            self._decoder.process_raw(pcm.tobytes(), False, False)

    def end(self) -> None:
        """End the utterance; its hypothesis is final then."""
        self._begun = False
        self._decoder.end_utt()

    def segments(self) -> Iterator[TimedWord]:
        """The present hypothesis, silence and noise included, at its places in the stream."""
        for each in self._decoder.seg() or ():
            yield TimedWord(
                each.word,
                self._start + each.start_frame * _SEGMENT_FRAME,
                self._start + (each.end_frame + 1) * _SEGMENT_FRAME,
            )

    def reset(self) -> None:
        """Forget the utterance, if one has begun, and the speaker: what was learnt of voice and microphone."""
        if self._begun:
            self.end()
        self._decoder.reinit_feat()
