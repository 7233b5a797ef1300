"""Loads everything that the embedded recogniser needs, and has it hear silence."""

import numpy as np

from stt_proxy.engines.pocketsphinx.decoder import Decoder
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.detector import SpeechDetector


def main() -> None:
    """Hear half a second."""
    silence = np.zeros(SAMPLE_RATE // 2, np.float32)
    list(SpeechDetector().hear(silence))
    decoder = Decoder()
    decoder.begin(0)
    decoder.hear(silence)
    decoder.end()
    print("PocketSphinx and its English model are loaded")


if __name__ == "__main__":
    main()
