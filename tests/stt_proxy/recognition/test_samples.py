import numpy as np

from stt_proxy.recognition.samples import SampleWindow


def test_samples_keep_their_positions() -> None:
    window = SampleWindow()
    window.write(np.arange(10, dtype=np.float32))
    window.write(np.arange(10, 20, dtype=np.float32))
    window.forget(7)
    window.forget(3)
    assert (window.start, window.end) == (7, 20)
    assert window.read(7, 12).tolist() == [7, 8, 9, 10, 11]
    assert window.read(20, 20).tolist() == []
