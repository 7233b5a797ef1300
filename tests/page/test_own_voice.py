"""A voice of the person's own: recorded or uploaded, chosen, heard, and lost again."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.page.chromium import open_page, visitor
from tests.page.harness import PageHarness
from tests.page.own_voice import MADE_WITHIN_MS, give
from tests.page.scenes import called
from tests.voice_service.harness import spoken, wav
from tts_proxy.engines.espeak.library import Prosody

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "me.wav"
    path.write_bytes(wav(*spoken(Prosody("gmw/en-US", pitch=20))))
    return path


async def test_a_file_becomes_a_voice_that_is_chosen(browser: Browser, harness: PageHarness, sample: Path) -> None:
    async with visitor(browser) as page:
        await open_page(page, harness.url)
        await page.get_by_role("radio", name="Walter").check()
        await give(page, sample)
        await expect(page.locator("#own")).to_be_hidden(timeout=MADE_WITHIN_MS)
        own = page.locator(".person:has(:checked)")
        await expect(own).to_contain_text("Walter, in your own voice.")
        await expect(own).to_contain_text("Kept until")
        await page.locator("#call").click()
        session = (await harness.fake.next_conversation()).config.session
        assert session.voice.startswith("custom:")
        assert session.instructions.character.text.startswith("You are Walter")
        assert "custom:" not in await page.evaluate("localStorage.parley")


async def test_one_is_recorded_while_the_model_hears_silence(browser: Browser, harness: PageHarness) -> None:
    async with visitor(browser) as page:
        talk = await called(page, harness)
        await page.locator("#change").click()
        await page.locator("#own-open").click()
        await page.locator("#own-record").click()
        await expect(page.locator("#own-step")).to_have_text("Say anything, a few sentences.")
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#own")).to_be_hidden(timeout=MADE_WITHIN_MS)
        assert (await talk.next_request("update")).update.session.voice.startswith("custom:")
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "false")


async def test_what_is_no_audio_is_refused_in_plain_words(
    browser: Browser, harness: PageHarness, tmp_path: Path, sample: Path
) -> None:
    poem = tmp_path / "poem.wav"
    poem.write_text("Shall I compare thee to a summer's day?")
    async with visitor(browser) as page:
        await open_page(page, harness.url)
        await give(page, poem)
        await expect(page.locator("#own-trouble")).to_contain_text("no audio file", timeout=MADE_WITHIN_MS)
        await expect(page.locator("#own-trouble")).to_contain_text("Try another recording.")
        await page.locator("#own-cancel").click()
        await give(page, sample)
        await expect(page.locator("#own-trouble")).to_be_hidden()
        await expect(page.locator("#own")).to_be_hidden(timeout=MADE_WITHIN_MS)


async def test_too_large_a_file_is_not_even_sent(browser: Browser, harness: PageHarness, tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(bytes((4 << 20) + 1))
    async with visitor(browser) as page:
        posted = []
        page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
        await open_page(page, harness.url)
        await give(page, large)
        await expect(page.locator("#own-trouble")).to_contain_text("too large")
        assert posted == []


async def test_when_it_is_gone_the_usual_voice_answers_and_the_page_says_so(
    browser: Browser, harness: PageHarness, sample: Path
) -> None:
    async with visitor(browser) as page:
        talk = await called(page, harness)
        await page.locator("#change").click()
        await give(page, sample)
        assert (await talk.next_request("update")).update.session.voice.startswith("custom:")
        await talk.say(warning={"reason": "VOICE_NOT_FOUND", "message": "That custom voice is not kept any longer."})
        assert not (await talk.next_request("update")).update.session.voice.startswith("custom:")
        await expect(page.locator("#note")).to_contain_text("Your own voice is no longer kept.")
        await expect(page.locator(".person", has_text="in your own voice")).to_have_count(0)
        await expect(page.locator(".person :checked")).to_have_count(1)
