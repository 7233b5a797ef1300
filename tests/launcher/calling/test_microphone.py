import asyncio

import numpy as np

from launcher.calling.audio import Microphone

FRAME = 480
FRAME_S = 0.02


async def test_plays_the_sound_then_silence_in_real_time() -> None:
    sound = np.arange(1, 2 * FRAME + 101, dtype=np.int16)
    microphone = Microphone(sound)
    began = asyncio.get_running_loop().time()
    frames = []
    async for frame in microphone.frames(FRAME):
        frames.append(frame)
        assert microphone.played_out.is_set() is (len(frames) > 3)
        if len(frames) == 5:
            break
    took_s = asyncio.get_running_loop().time() - began
    assert {len(frame) for frame in frames} == {FRAME}
    heard = np.concatenate(frames)
    assert (heard[: len(sound)] == sound).all()
    assert not heard[len(sound) :].any()
    assert 5 * FRAME_S - 0.005 <= took_s < 5 * FRAME_S + 1.0


async def test_a_late_frame_does_not_delay_those_after_it() -> None:
    now = asyncio.get_running_loop().time
    began = now()
    frames = Microphone(np.ones(FRAME, np.int16)).frames(FRAME)
    await anext(frames)
    await asyncio.sleep(5 * FRAME_S)
    late_at = now()
    for _ in range(4):
        await anext(frames)
    assert now() - late_at < FRAME_S
    for _ in range(2):
        await anext(frames)
    assert now() - began >= 7 * FRAME_S - 0.005
