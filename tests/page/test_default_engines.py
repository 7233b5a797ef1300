"""A person at a real browser is heard, and hears the answer, with the engines that a mesh chooses by itself.

Only the language model is the test's own.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soxr
from playwright.async_api import expect

from mesh.audio import SAMPLE_RATE
from mesh.engines.weights import WeightsSettings, WeightStore
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.recognition import SAMPLE_RATE as RECOGNITION_RATE
from tests.e2e.mesh import Mesh, running_mesh
from tests.fakes.llm import FakeLlm, serving
from tests.natural_speech import say_naturally
from tests.page.chromium import chromium, open_page, record, visitor
from tests.page.played import RECORDS, played
from tests.page.test_talking import EARS, first_told
from tests.speech import share_of_words
from tests.whisper_base import whisper_base

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.timeout(300),
]

GREETING = "Hello there."
QUESTION = "Could you tell me what the weather is like in Chicago?"
ANSWER = "It will be sunny in Chicago tomorrow, with a gentle wind from the lake."
UNDERSTOOD = 0.9
CHUNK = 2_400
"""Samples in each of the recorder's pieces."""
SPOKEN_TURN = "([, kind, body]) => kind === 'userTurnEnded' && body.cause === 'SPEECH_CAUSE_DETECTED'"
"""On a very busy machine the words of the question may be so late that the model first asks whether one is there."""


async def _script(request: dict[str, Any]) -> AsyncIterator[str | bytes]:
    asked = any(share_of_words(QUESTION, message["content"]) >= UNDERSTOOD for message in request["messages"])
    for word in (ANSWER if asked else GREETING).split():
        yield f" {word}"


@pytest.fixture(scope="module")
def model_name() -> str:
    """The recogniser's model: the default one where it is at hand, or else the one that the extra `test` brings."""
    return "tiny.en" if whisper_base() is None else "base"


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def local_mesh(model_name: str) -> AsyncIterator[Mesh]:
    """It names no engine, and only how many streams there are: a busy machine would measure none."""
    llm = FakeLlm()
    llm.script = _script
    async with serving(llm) as url:
        with running_mesh(
            PARLEY_STT_ENGINE="",
            PARLEY_TTS_ENGINE="",
            PARLEY_STT_WHISPER_MODEL=model_name,
            PARLEY_STT_WHISPER_STREAMS="2",
            KYUTAI_LLM_URL=url,
        ) as running:
            yield running


def understood(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]], model_name: str) -> str:
    """What a listener understands of at most 30 s, after the quiet before them."""
    model = MODELS[model_name]
    found = WeightStore(WeightsSettings()).find(model.weights)
    assert found is not None
    begins = int(np.flatnonzero(np.abs(samples) > 1e-3)[0])
    heard = np.asarray(soxr.resample(samples[begins:], SAMPLE_RATE, RECOGNITION_RATE), np.float32)
    decoded = WhisperModel(found.folder, 1, model.shortest).decode(heard, "en", "")
    return " ".join(word.text for word in decoded.words)


async def test_a_spoken_question_is_heard_and_its_answer_understood(
    local_mesh: Mesh, model_name: str, tmp_path: Path
) -> None:
    microphone = tmp_path / "person.wav"
    (question,) = say_naturally(QUESTION)
    record(microphone, seconds=60, at_8=question)
    async with (
        chromium(microphone) as browser,
        visitor(browser, RECORDS, EARS, "delete globalThis.AudioDecoder;", fenced=False) as page,
    ):
        await open_page(page, local_mesh.http)
        await page.locator("#call").click()
        await first_told(page, "replyFinished", within_s=60)
        before = await page.evaluate("played.length")
        await page.wait_for_function(f"told.some({SPOKEN_TURN})", timeout=60_000)
        asked, _, turn = await page.evaluate(f"told.find({SPOKEN_TURN})")
        assert share_of_words(QUESTION, turn["text"]) >= UNDERSTOOD, turn["text"]
        await first_told(page, "replyFinished", after=asked, within_s=60)
        await page.wait_for_function("played.slice(-8).every((each) => each.every((sample) => sample === 0))")
        answer = (await played(page))[before * CHUNK :]
        await expect(page.locator(".reply").last).to_contain_text(ANSWER)
    heard = understood(answer, model_name)
    assert share_of_words(ANSWER, heard) >= UNDERSTOOD, heard
