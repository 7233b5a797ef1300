import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from structlog.testing import capture_logs

from orchestrator.prompts.headlines import LONGEST_RETRY_S, REFRESH_S, RETRY_S, Headline, HeadlineCache, _plain
from orchestrator.settings import OrchestratorSettings
from tests.fakes import newsapi
from tests.fakes.newsapi import KEY, FakeNewsApi, answer, article
from tests.orchestrator.harness import own_tasks


class Pauses:
    """The waits between two fetches: each lasts until a test ends it."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[float] = asyncio.Queue()
        self._end = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self._end.clear()
        self.begun.put_nowait(seconds)
        await self._end.wait()

    async def begin(self) -> float:
        """Wait until the cache waits, and return for how long it means to."""
        async with asyncio.timeout(5):
            return await self.begun.get()

    async def pass_by(self) -> float:
        """End the present wait, and return how long the next is meant to be: the fetch between them is over."""
        self._end.set()
        return await self.begin()


@pytest.fixture
def fake() -> FakeNewsApi:
    return FakeNewsApi()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


Opened = Callable[..., AbstractAsyncContextManager[HeadlineCache]]


@pytest.fixture
async def opened(fake: FakeNewsApi, pauses: Pauses) -> AsyncIterator[Opened]:
    """A cache with these settings, in front of the fake."""
    async with newsapi.serving(fake) as url:

        @asynccontextmanager
        async def open_cache(**settings: Any) -> AsyncIterator[HeadlineCache]:
            chosen = OrchestratorSettings(**{"newsapi_url": url, "newsapi_api_key": KEY, **settings})
            async with HeadlineCache(chosen, pauses) as news:
                yield news

        yield open_cache


async def test_headlines_are_there_when_it_is_entered_and_are_fetched_again_every_four_hours(
    fake: FakeNewsApi, opened: Opened, pauses: Pauses
) -> None:
    async with opened() as news:
        assert len(news.headlines) == 12
        assert news.headlines[3] == Headline("Title 3", "Description 3.", "Author 3", "23 November 2026", "Content 3")
        assert await pauses.begin() == REFRESH_S
        assert len(fake.requests) == 1
        fake.answer = lambda: JSONResponse(answer(article(99)))
        assert await pauses.pass_by() == REFRESH_S
        assert len(fake.requests) == 2
        assert [each.title for each in news.headlines] == ["Title 99"]


async def test_while_they_are_fetched_again_the_old_ones_are_there(
    fake: FakeNewsApi, opened: Opened, pauses: Pauses
) -> None:
    async with opened(news_limit_s=60) as news:
        await pauses.begin()
        fake.open.clear()
        passing = asyncio.create_task(pauses.pass_by())
        await fake.until(lambda: len(fake.requests) == 2)
        assert len(news.headlines) == 12
        fake.open.set()
        await passing


async def test_the_key_travels_in_a_header_and_in_no_address(fake: FakeNewsApi, opened: Opened) -> None:
    async with opened():
        (request,) = fake.requests
    assert request.headers["x-api-key"] == KEY
    assert KEY not in str(request.url)
    assert dict(request.query_params)["category"] == "technology"


async def test_leaving_ends_a_fetch(fake: FakeNewsApi, opened: Opened, pauses: Pauses) -> None:
    before = own_tasks()
    async with opened(news_limit_s=60):
        await pauses.begin()
        fake.open.clear()
        passing = asyncio.create_task(pauses.pass_by())
        await fake.until(lambda: len(fake.requests) == 2)
    passing.cancel()
    await asyncio.wait([passing])
    assert not {task.get_coro() for task in own_tasks() - before if "_keep_fresh" in repr(task.get_coro())}


async def test_without_a_key_nobody_is_asked(fake: FakeNewsApi, opened: Opened, pauses: Pauses) -> None:
    async with opened(newsapi_api_key=None) as news:
        assert news.headlines == ()
        assert pauses.begun.empty()
    assert fake.requests == []


# --- trouble ------------------------------------------------------------------------------------------------------


async def _endless() -> AsyncIterator[bytes]:
    yield b'{"articles": ['
    while True:
        yield b" " * 65_536
        await asyncio.sleep(0)


async def _trickle() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.01)


async def _cut_short() -> AsyncIterator[bytes]:
    yield b'{"articles": ['
    raise ConnectionResetError


ANSWERS: dict[str, Callable[[], Response]] = {
    "endless": lambda: StreamingResponse(_endless()),
    "trickling": lambda: StreamingResponse(_trickle()),
    "server error": lambda: Response(f"private {KEY}", 500),
    "rate limit": lambda: JSONResponse({"status": "error", "code": "rateLimited"}, 429),
    "redirect": lambda: RedirectResponse("http://127.0.0.1:9/"),
    "no JSON": lambda: Response("<html>It works!</html>"),
    "not UTF-8": lambda: Response(b'{"articles": [{"title": "\xff"}]}'),
    "too deep": lambda: Response('{"articles": [' + "[" * 200_000),
    "no articles": lambda: JSONResponse({"status": "ok"}),
    "articles of another kind": lambda: JSONResponse({"articles": {"title": "T"}}),
    "nothing": lambda: JSONResponse(answer()),
    "compressed": lambda: Response(b"\x1f\x8b\x08", headers={"content-encoding": "gzip"}),
    "only what has been removed": lambda: JSONResponse(answer(article(1, title="[Removed]"))),
}


@pytest.mark.parametrize("trouble", ANSWERS)
async def test_a_bad_answer_is_no_news_and_is_not_asked_for_again_at_once(
    trouble: str, fake: FakeNewsApi, opened: Opened, pauses: Pauses
) -> None:
    fake.answer = ANSWERS[trouble]
    with capture_logs() as logged:
        async with asyncio.timeout(5), opened(news_limit_s=0.5) as news:
            assert news.headlines == ()
            assert await pauses.begin() == RETRY_S
            assert len(fake.requests) == 1
            fake.answer = FakeNewsApi().answer
            assert await pauses.pass_by() == REFRESH_S
            assert len(news.headlines) == 12
    assert KEY not in str(logged)


async def test_the_longer_it_fails_the_less_often_it_is_asked(
    fake: FakeNewsApi, opened: Opened, pauses: Pauses
) -> None:
    fake.answer = ANSWERS["rate limit"]
    async with opened():
        waits = [await pauses.begin(), *[await pauses.pass_by() for _ in range(7)]]
        assert waits == [60, 120, 240, 480, 960, 1_920, LONGEST_RETRY_S, LONGEST_RETRY_S]
        fake.answer = FakeNewsApi().answer
        assert await pauses.pass_by() == REFRESH_S
        fake.answer = ANSWERS["rate limit"]
        assert await pauses.pass_by() == RETRY_S


async def test_an_answer_that_breaks_off_is_no_news(fake: FakeNewsApi, opened: Opened) -> None:
    fake.answer = lambda: StreamingResponse(_cut_short())
    async with opened() as news:
        assert news.headlines == ()


@pytest.mark.unmute("B19")
async def test_one_who_does_not_answer_is_waited_for_no_longer_than_the_limit(
    fake: FakeNewsApi, opened: Opened
) -> None:
    fake.open.clear()
    async with asyncio.timeout(5), opened(news_limit_s=0.2) as news:
        assert len(fake.requests) == 1
        assert news.headlines == ()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:99999", "https://[", "http:///"])
async def test_one_who_is_not_there_is_no_news(url: str, opened: Opened) -> None:
    async with opened(newsapi_url=url) as news:
        assert news.headlines == ()


async def test_a_refused_key_is_logged_without_the_key(opened: Opened) -> None:
    with capture_logs() as logged:
        async with opened(newsapi_api_key="wrong-key"):
            pass
    assert [(each["event"], each["status"]) for each in logged] == [("headlines not fetched", 401)]
    assert "wrong-key" not in str(logged)


async def test_headlines_that_have_grown_old_are_not_told_when_there_are_no_others(
    fake: FakeNewsApi, opened: Opened, pauses: Pauses
) -> None:
    async with opened() as news:
        await pauses.begin()
        fake.answer = ANSWERS["server error"]
        assert await pauses.pass_by() == RETRY_S
        assert news.headlines == ()


# --- articles -----------------------------------------------------------------------------------------------------


async def headlines_of(fake: FakeNewsApi, opened: Opened, *articles: Any) -> tuple[Headline, ...]:
    fake.answer = lambda: JSONResponse(answer(*articles))
    async with opened() as news:
        return news.headlines


@pytest.mark.parametrize("wrong", [None, 7, "text", [], {}, {"title": None}, {"title": 7}, {"title": " "}])
async def test_an_article_that_is_wrong_spoils_no_other(fake: FakeNewsApi, opened: Opened, wrong: Any) -> None:
    told = await headlines_of(fake, opened, wrong, article(1), {"title": "T", "author": 7}, article(2))
    assert [each.title for each in told] == ["Title 1", "Title 2"]


async def test_what_is_not_known_is_left_empty(fake: FakeNewsApi, opened: Opened) -> None:
    told = await headlines_of(
        fake, opened, article(1, author=None, description=None, content=None, publishedAt="soon"), {"title": "Alone"}
    )
    assert told == (Headline("Title 1"), Headline("Alone"))


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "", "2026-13-01"])
async def test_a_date_that_cannot_be_is_left_empty(fake: FakeNewsApi, opened: Opened, date: str) -> None:
    assert (await headlines_of(fake, opened, article(1, publishedAt=date)))[0].date == ""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("Look at https://a.example/b?c=d now", "Look at now"),
        ("Look at (www.a.example) or gazette.example/news", "Look at or"),
        ("<ul><li>One</li><li>Two</li></ul>", "One Two"),
        ("Fish &amp; chips &lt;b&gt;now&lt;/b&gt;", "Fish & chips now"),
        ("**Bold** _and_ `code` # heading", "Bold and code heading"),
        ("two\r\nlines\tand\x00more", "two lines and more"),
        ("mail me@gazette.example today", "mail today"),
        ("It costs 3.50, and/or nothing.", "It costs 3.50, and/or nothing."),
        ("Say {language}!", "Say language !"),
        ("It goes on… [+1234 chars]", "It goes on…"),
        (None, ""),
    ],
)
def test_texts_are_made_fit_to_be_spoken_of(given: str | None, told: str) -> None:
    assert _plain(given, 100) == told


def test_long_texts_are_cut_at_a_word() -> None:
    assert _plain("one two three", 9) == "one two…"


@given(st.text(max_size=3_000) | st.from_regex(r"(https?://|www\.|<|\[|&#?\w+;| |\w+\.com/){0,30}"))
def test_no_text_has_an_address_markup_or_too_many_letters(text: str) -> None:
    plain = _plain(text, 200)
    assert len(plain) <= 201
    assert not re.search(r"\w://|\bwww\.\S|[*_#`<>{}\[\]]|[\x00-\x1f]", plain)


def test_a_hostile_text_is_cleaned_in_no_time() -> None:
    for hostile in ("<" * 1_000_000, "a." * 500_000, "[+1 chars] " * 100_000, "@" * 1_000_000, "&" * 1_000_000):
        assert len(_plain(hostile, 200)) <= 201
