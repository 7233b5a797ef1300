"""A person at a real browser talks with a real mesh; only the language model is the test's own."""

import os
import signal
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Download, Page, expect

from mesh.audio import SAMPLE_RATE
from tests.e2e.crowd import filled
from tests.e2e.mesh import Mesh, running_mesh
from tests.fakes.llm import serving
from tests.page.chromium import chromium, open_page, visitor
from tests.page.model import StoryTeller
from tests.page.own_voice import MADE_WITHIN_MS, give
from tests.page.played import RECORDS, played, played_until_silent, position_of_end, sent, words_until
from tests.speech import share_of_words
from tests.voice_service.harness import spoken, wav
from tts_proxy.engines.espeak.library import Prosody
from voice_service.analysis.features import features_of

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

EARS = Path(__file__).with_name("ears.js").read_text()
NO_CODECS = "delete globalThis.AudioEncoder; delete globalThis.AudioDecoder;"

UNDERSTOOD = 0.5
"""How much of what a synthetic person says must come through a browser's own noise suppression and the recogniser."""

AUDIBLE = 0.003
"""RMS that is speech; the quiet of a loudspeaker that plays nothing is 0."""

STOPS_WITHIN_MS = 500
"""From the page's being told to fall silent until it is silent, on a machine that does other things too."""

KNOWN_WITHIN_S = 0.05
"""How exactly the mesh knows where the sound of a reply broke off: two blocks of the audio thread, and a fade."""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def model() -> AsyncIterator[StoryTeller]:
    yield StoryTeller()


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def mesh(model: StoryTeller) -> AsyncIterator[Mesh]:
    async with serving(model) as url:
        with running_mesh(KYUTAI_LLM_URL=url) as running:
            yield running


async def first_told(page: Page, kind: str, *, after: float = 0, within_s: float = 25) -> tuple[float, dict[str, Any]]:
    """Wait for the first message of a kind after a time, and return when it came and what it said."""
    found = await page.wait_for_function(
        "([kind, after]) => window.told.find(([at, each]) => each === kind && at > after)",
        arg=[kind, after],
        timeout=within_s * 1_000,
    )
    at, _, body = await found.json_value()
    return at, body


async def loudest(page: Page, start: float, end: float) -> float:
    """The highest RMS that went to the loudspeaker between two times of the page's clock."""
    return float(
        await page.evaluate(
            "([start, end]) => Math.max(0, ...heard.filter(([at]) => at > start && at < end).map(([, rms]) => rms))",
            [start, end],
        )
    )


async def something_is_heard(page: Page, *, after: float) -> None:
    await page.wait_for_function(
        "([after, audible]) => window.heard.some(([at, rms]) => at > after && rms > audible)",
        arg=[after, AUDIBLE],
        timeout=10_000,
    )


async def call(page: Page, mesh: Mesh) -> None:
    await open_page(page, mesh.http)
    await page.locator("#call").click()
    await expect(page.locator("body")).to_have_attribute("data-stage", "talking", timeout=15_000)


async def test_a_question_an_answer_an_interruption_and_what_is_kept(
    browser: Browser, mesh: Mesh, tmp_path: Path
) -> None:
    async with visitor(browser, EARS) as page:
        await call(page, mesh)
        asked, turn = await first_told(page, "userTurnEnded")
        assert share_of_words("good morning how are you today", turn["text"]) >= UNDERSTOOD
        await expect(page.locator(".turn").first).to_contain_text(turn["text"])

        created, story = await first_told(page, "replyCreated", after=asked)
        await something_is_heard(page, after=created)
        await expect(page.locator(".reply").last.locator(".spoken")).not_to_be_empty()
        await expect(page.locator(".reply").last.locator(".coming")).not_to_be_empty()
        await expect(page.locator("#latency")).to_contain_text("Last answer after")
        latency = float((await page.locator("#latency").inner_text()).split()[-2])
        assert 0.1 < latency < 20

        held, _ = await first_told(page, "replyHeld", after=created)
        cancelled, cut = await first_told(page, "replyCancelled", after=held)
        assert cut["replyId"] == story["replyId"]
        assert await loudest(page, held - 400, held) > AUDIBLE
        spoke_again, _ = await first_told(page, "replyAudio", after=cancelled)
        assert await loudest(page, held + STOPS_WITHIN_MS, spoke_again) < AUDIBLE
        await expect(page.locator(".reply s")).to_be_visible()
        await expect(page.locator(".reply:has(s) .spoken")).to_have_text(cut["heardText"])
        await something_is_heard(page, after=spoke_again)
        await first_told(page, "replyFinished", after=spoke_again)

        text = await saved(page, "#save-text", tmp_path)
        assert f"You: {turn['text']}" in text.read_text()
        assert f"{cut['heardText']} [not heard: " in text.read_text()
        await assert_both_sides_sound(await saved(page, "#save-audio", tmp_path))


async def saved(page: Page, button: str, directory: Path) -> Path:
    """Save one part of the conversation, and return where."""
    await page.locator("#keep summary").click()
    async with page.expect_download() as coming:
        await page.locator(button).click()
    download: Download = await coming.value
    path = directory / download.suggested_filename
    await download.save_as(path)
    return path


async def assert_both_sides_sound(path: Path) -> None:
    """A stereo WAV: who spoke first is in the left channel only, and the story in the right one."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 24_000, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32_768
    assert len(samples) > 15 * 24_000
    seconds = samples[: len(samples) // 24_000 * 24_000].reshape(-1, 24_000, 2)
    person, replies = np.sqrt(np.mean(seconds**2, axis=1)).T
    assert person.max() > AUDIBLE
    assert replies.max() > AUDIBLE
    assert (replies < AUDIBLE).any()


async def test_without_webcodecs(browser: Browser, mesh: Mesh) -> None:
    async with visitor(browser, EARS, NO_CODECS) as page:
        await call(page, mesh)
        assert await page.evaluate("typeof AudioEncoder + typeof AudioDecoder") == "undefinedundefined"
        asked, turn = await first_told(page, "userTurnEnded")
        assert share_of_words("good morning how are you today", turn["text"]) >= UNDERSTOOD
        answered, _ = await first_told(page, "replyAudio", after=asked)
        await something_is_heard(page, after=answered)


async def test_what_is_remembered_is_what_was_played(browser: Browser, mesh: Mesh, model: StoryTeller) -> None:
    """Though the browser stops the sound for a while, and by the clock much more would have been heard."""
    # Replies come as PCM, so that what is played can be found again in what was sent.
    async with visitor(browser, RECORDS, EARS, "delete globalThis.AudioDecoder;", fenced=False) as page:
        await call(page, mesh)
        asked, _ = await first_told(page, "userTurnEnded")
        created, story = await first_told(page, "replyCreated", after=asked)
        await something_is_heard(page, after=created)
        await page.evaluate("contexts.at(-1).suspend()")
        await page.wait_for_function(
            "(id) => reported.filter(([, each]) => each.replyId === id && each.paused).length > 6", arg=story["replyId"]
        )
        await page.evaluate("contexts.at(-1).resume()")

        cancelled, cut = await first_told(page, "replyCancelled", after=created)
        await assert_remembered_as_played(page, model, cut, cancelled)


async def test_so_it_is_when_the_answer_is_cut_short_by_a_typed_turn(
    browser: Browser, mesh: Mesh, model: StoryTeller
) -> None:
    """There is no hold then, in which the page could tell where it has stopped before it matters."""
    async with visitor(browser, RECORDS, EARS, "delete globalThis.AudioDecoder;", fenced=False) as page:
        await call(page, mesh)
        greeted, _ = await first_told(page, "replyFinished")
        await type_turn(page, "Tell me a story.")
        created, story = await first_told(page, "replyCreated", after=greeted)
        await page.wait_for_function(
            "(id) => told.filter(([, kind, body]) => kind === 'replyWordSpoken' && body.replyId === id).length > 7",
            arg=story["replyId"],
        )
        await type_turn(page, "Stop!")
        cancelled, cut = await first_told(page, "replyCancelled", after=created)
        assert cut["cause"] == "CANCEL_CAUSE_TYPED"
        await assert_remembered_as_played(page, model, cut, cancelled)


async def type_turn(page: Page, words: str) -> None:
    await page.locator("#words").fill(words)
    await page.locator("#words").press("Enter")


async def assert_remembered_as_played(page: Page, model: StoryTeller, cut: dict[str, Any], cancelled: float) -> None:
    """The model is asked with just those words of the reply that the recorder in the page's audio graph has heard."""
    heard = await played_until_silent(page, cut["replyId"])
    position = position_of_end(heard, await sent(page, cut["replyId"]))
    assert float(cut["heardDuration"].rstrip("s")) == pytest.approx(position, abs=KNOWN_WITHIN_S)
    await first_told(page, "replyTextDelta", after=cancelled)
    told = await page.evaluate("told")
    asked = model.requests[-1]["messages"]
    assert [message["role"] for message in asked[-3:]] == ["user", "assistant", "user"]
    remembered = asked[-2]["content"]
    assert remembered
    assert remembered in {
        words_until(told, cut["replyId"], position + doubt) for doubt in (-KNOWN_WITHIN_S, 0, KNOWN_WITHIN_S)
    }


async def test_muted_nothing_is_understood_and_unmuted_it_is(browser: Browser, mesh: Mesh) -> None:
    async with visitor(browser, EARS) as page:
        await call(page, mesh)
        await page.keyboard.press("m")
        await expect(page.locator("#hint")).to_contain_text("silence until you unmute")
        # A long silence is broken by the model: turn taking goes on, and no word has come by then.
        ended, turn = await first_told(page, "userTurnEnded")
        assert turn["cause"] == "SPEECH_CAUSE_SILENCE"
        kinds = await page.evaluate("window.told.map(([, kind]) => kind)")
        assert "userWordRecognized" not in kinds
        await page.keyboard.press("m")
        await first_told(page, "userWordRecognized", after=ended)


async def test_a_typed_turn_beside_the_microphone(browser: Browser, mesh: Mesh) -> None:
    async with visitor(browser, EARS) as page:
        await call(page, mesh)
        await first_told(page, "replyFinished")
        await page.locator("#words").fill("Who are you?")
        await page.locator("#words").press("Enter")
        typed, _ = await first_told(page, "userTurnEnded")
        await expect(page.locator(".turn").first).to_have_text("You, typedWho are you?")
        answered, _ = await first_told(page, "replyAudio", after=typed)
        await something_is_heard(page, after=answered)


async def test_refused_a_microphone_one_types_instead(mesh: Mesh) -> None:
    async with chromium(asks=True) as asking, visitor(asking, EARS) as page:
        await open_page(page, mesh.http)
        await page.locator("#call").click()
        await expect(page.locator("#trouble-title")).to_have_text("The microphone is blocked")
        await page.locator("#trouble-type").click()
        await first_told(page, "started")
        await page.keyboard.type("Who are you?")
        await page.keyboard.press("Enter")
        typed, _ = await first_told(page, "userTurnEnded")
        answered, _ = await first_told(page, "replyAudio", after=typed)
        await something_is_heard(page, after=answered)
        await expect(page.locator("#mute")).to_be_hidden()


async def test_it_goes_on_after_the_edge_was_restarted(browser: Browser, mesh: Mesh, model: StoryTeller) -> None:
    async with visitor(browser, EARS) as page:
        await call(page, mesh)
        await first_told(page, "replyFinished")
        lost = await page.evaluate("performance.now()")
        os.kill(edge_of(mesh), signal.SIGKILL)
        await expect(page.locator("#trouble-title")).to_have_text("The connection was lost")
        await first_told(page, "started", after=lost, within_s=40)
        await expect(page.locator("#trouble")).to_be_hidden()
        await expect(page.locator(".divider")).to_have_text("The connection was lost, and is back")
        await expect(page.locator(".reply").first).to_contain_text("Hello there")
        await type_turn(page, "Tell me a story.")
        again, _ = await first_told(page, "replyAudio", after=lost)
        await something_is_heard(page, after=again)
        created = "(lost) => window.told.filter(([at, kind]) => at > lost && kind === 'replyCreated').length"
        assert await page.evaluate(created, lost) == 1, "what is heard is a later reply"
        # The microphone goes on: its speech may have interrupted the story by now, and be in a request of its own.
        asked = next(said for said in map(conversation, model.requests) if said[-1] == ("user", "Tell me a story."))
        assert asked[1:] == [("assistant", "Hello there."), ("user", "Tell me a story.")]


def conversation(request: dict[str, Any]) -> list[tuple[str, str]]:
    """What the model is shown of a conversation: roles and words, without the instructions."""
    return [(each["role"], each["content"]) for each in request["messages"] if each["role"] != "system"]


def edge_of(mesh: Mesh) -> int:
    """The process that is the mesh's edge."""
    launcher = mesh.process.pid
    for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        if any(argument.startswith(b"edge") for argument in command):
            return int(child)
    raise AssertionError("the mesh has no edge")


async def test_when_all_places_are_taken_it_says_so_and_takes_the_next(browser: Browser, mesh: Mesh) -> None:
    async with visitor(browser, EARS) as page:
        async with filled(mesh):
            await open_page(page, mesh.http)
            await page.locator("#call").click()
            await expect(page.locator("#trouble-title")).to_have_text("All places are taken", timeout=15_000)
            await expect(page.locator("#countdown")).to_contain_text("Next try in")
        await expect(page.locator("body")).to_have_attribute("data-stage", "talking", timeout=40_000)


async def test_answers_come_in_ones_own_voice(browser: Browser, mesh: Mesh, tmp_path: Path) -> None:
    """A low voice and a high one, given as files: what leaves the loudspeaker is as high as they are."""
    for prosody in (Prosody("gmw/en-US", pitch=20), Prosody("gmw/en-US+f3", pitch=60)):
        sample = spoken(prosody)
        recording = tmp_path / f"{prosody.pitch}.wav"
        recording.write_bytes(wav(*sample))
        async with visitor(browser, RECORDS, EARS, fenced=False) as page:
            await open_page(page, mesh.http)
            await give(page, recording)
            await expect(page.locator("#own")).to_be_hidden(timeout=MADE_WITHIN_MS)
            await page.locator("#switch").click()
            after, _ = await first_told(page, "started")
            for words, told in (("Hello.", "replyFinished"), ("Tell me a story.", "replyCreated")):
                await page.locator("#words").fill(words)
                await page.locator("#words").press("Enter")
                after, _ = await first_told(page, told, after=after)
            await page.wait_for_function(
                "(after) => told.filter(([at, kind]) => kind === 'replyWordSpoken' && at > after).length > 15",
                arg=after,
            )
            heard = features_of(await played(page), SAMPLE_RATE)
        assert heard.pitch_hz == pytest.approx(features_of(*sample).pitch_hz, rel=0.1)
