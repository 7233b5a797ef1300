"""How a person gives the page a voice of their own."""

from pathlib import Path

from playwright.async_api import Page

MADE_WITHIN_MS = 30_000


async def give(page: Page, path: Path) -> None:
    """Choose a file in the dialog."""
    await page.locator("#own-open").click()
    async with page.expect_file_chooser() as coming:
        await page.locator("#own-choose").click()
    await (await coming.value).set_files(path)
