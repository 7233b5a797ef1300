import numpy as np

from stt_proxy.engines.pocketsphinx.samples import SampleWindow


def test_samples_keep_their_positions() -> None:
    tape = SampleWindow()
    tape.write(np.arange(10, dtype=np.float32))
    tape.write(np.arange(10, 20, dtype=np.float32))
    tape.forget(7)
    tape.forget(3)
    assert (tape.start, tape.end) == (7, 20)
    assert tape.read(7, 12).tolist() == [7, 8, 9, 10, 11]
    assert tape.read(20, 20).tolist() == []
