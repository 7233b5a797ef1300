"""A real Chromium whose microphone plays a file."""

import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import soxr
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from mesh.audio import SAMPLE_RATE
from tests.page.availability import EXECUTABLE
from tests.speech import Samples

UNSAFE_HOST = "parley.test"
"""Another name of this machine, at which a browser does not take a page for safe."""

_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    f"--host-resolver-rules=MAP {UNSAFE_HOST} 127.0.0.1",
]

_DEVICE_RATE = 48_000
_ROOM_NOISE = 1e-3


@asynccontextmanager
async def chromium(microphone: Path | None = None, *, asks: bool = False) -> AsyncIterator[Browser]:
    """Run a browser meanwhile. Its microphone plays a WAV file once, from its beginning each time it is opened.

    It lets every page have the microphone, unless it `asks`; and then nobody is there to allow it.
    """
    flags = list(_FLAGS)
    if microphone:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    if not asks:
        flags.append("--use-fake-ui-for-media-stream")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=flags)
        try:
            yield browser
        finally:
            await browser.close()


def record(path: Path, *, seconds: float, **spoken: Samples) -> None:
    """Write what a microphone hears: the quiet of a room, and in it speech that begins at `at_N` seconds.

    `record(path, seconds=9, at_4=say("Hello"))`
    """
    heard = np.random.default_rng(7).normal(0, _ROOM_NOISE, round(seconds * SAMPLE_RATE)).astype(np.float32)
    for at, speech in spoken.items():
        start = round(float(at.removeprefix("at_").replace("_", ".")) * SAMPLE_RATE)
        heard[start : start + len(speech)] += speech
    resampled = np.asarray(soxr.resample(heard, SAMPLE_RATE, _DEVICE_RATE), np.float32)
    write_wav(path, resampled, _DEVICE_RATE)


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write 16-bit mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())


REMEMBERED = "localStorage.parley ??= JSON.stringify({consents: false})"
"""An init script: the person has been asked whether they may be recorded, and has said no."""


@asynccontextmanager
async def visitor(
    browser: Browser,
    *init_scripts: str,
    dark: bool = False,
    phone: bool = False,
    remembered: bool = True,
    fenced: bool = True,
) -> AsyncIterator[Page]:
    """A person's page, not yet opened, with errors of its scripts made failures.

    One that is not `fenced` is without the page's content policy, so that a test may add code of its own to it.
    """
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}
    context: BrowserContext = await browser.new_context(
        viewport=size,  # type: ignore[arg-type]  # a plain dict is what it takes
        color_scheme="dark" if dark else "light",
        device_scale_factor=2 if phone else 1,
        accept_downloads=True,
        bypass_csp=not fenced,
    )
    if remembered:
        await context.add_init_script(REMEMBERED)
    for script in init_scripts:
        await context.add_init_script(script)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    try:
        yield page
        assert faults == []
    finally:
        await context.close()


async def open_page(page: Page, url: str) -> None:
    """Open the page and wait until it can be used."""
    await page.goto(url)
    await page.locator("body[data-ready]").wait_for()
