"""What is in the news, from NewsAPI (newsapi.org/docs), for all conversations of a process.

Headlines are fetched beside the conversations: once when the process starts, before it serves, and then every few
hours. A conversation therefore never waits for them. Where they could not be had, it makes small talk.
"""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import NamedTuple, Self

import httpx2
import msgspec
import structlog

from mesh.process.proxies import BadProxy, proxy_for
from mesh.tasks import beside
from orchestrator.settings import OrchestratorSettings

REFRESH_S = 4 * 3_600.0
"""Between two fetches."""

RETRY_S, LONGEST_RETRY_S = 60.0, 3_600.0
"""Between two tries after a failure: doubled from the first to the longest. NewsAPI counts requests by the day."""

_MAX_BYTES = 1 << 20
_ASKED_FOR = 40

_MAX_AUTHOR, _MAX_TITLE, _MAX_TEXT = 80, 200, 400

_TAG = re.compile(r"<[^<>]{0,300}>")
_ADDRESS = re.compile(r"://|\bwww\.|\w@\w|\w\.[a-z]{2,}/", re.IGNORECASE)
"""What only addresses have in them, of the web or of mail. The name of a firm that ends in ".com" is none."""
_LONGEST_WORD = 60
_MARKUP = re.compile(r"[*_#`~|\\^{}<>\[\]]+")
_CUT_OFF = re.compile(r"\[\+\d+ chars\]\s*$")
"""How NewsAPI marks the end of a content that goes on."""
_REMOVED = "removed"
"""The title, in brackets, of an article that has been taken back."""

_log = structlog.get_logger()


class Headline(NamedTuple):
    """A piece of news, in words that can be read to a language model: no address, no markup. Empty: unknown."""

    title: str
    description: str = ""
    author: str = ""
    date: str = ""
    """As in "23 November 2026"."""
    content: str = ""
    """How the article begins."""


class HeadlineCache:
    """Holds the headlines, and keeps them fresh while it is entered.

    Entering waits for the first fetch, `news_limit_s` at most, and never fails. Without a key in the settings there
    never are any headlines. `sleep` waits between two fetches.
    """

    def __init__(
        self, settings: OrchestratorSettings, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.headlines: tuple[Headline, ...] = ()
        """What is in the news; empty when the last fetch failed."""
        self._url = f"{settings.newsapi_url.rstrip('/')}/v2/top-headlines"
        self._key = settings.newsapi_api_key
        self._limit_s = settings.news_limit_s
        self._sleep = sleep
        self._retry_s = RETRY_S
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if self._key is not None:
            try:
                proxy = proxy_for(self._url)
            except BadProxy as error:
                _log.warning("headlines cannot be fetched", problem=str(error))
                return self
            client = await self._exits.enter_async_context(
                httpx2.AsyncClient(
                    # What is compressed could grow past every bound while it is unpacked.
                    headers={"X-Api-Key": self._key, "Accept-Encoding": "identity"},
                    verify=await asyncio.to_thread(httpx2.create_ssl_context),
                    trust_env=False,
                    proxy=proxy,
                    timeout=self._limit_s,
                )
            )
            await self._fetch(client)
            await self._exits.enter_async_context(beside(self._keep_fresh(client)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _keep_fresh(self, client: httpx2.AsyncClient) -> None:
        while True:
            if self.headlines:
                self._retry_s = RETRY_S
                await self._sleep(REFRESH_S)
            else:
                await self._sleep(self._retry_s)
                self._retry_s = min(2 * self._retry_s, LONGEST_RETRY_S)
            await self._fetch(client)

    async def _fetch(self, client: httpx2.AsyncClient) -> None:
        try:
            async with asyncio.timeout(self._limit_s):
                self.headlines = tuple(_headlines(await self._body(client)))
        except _FAILURES as error:
            self.headlines = ()  # those of hours ago are no news
            # Only the kind of failure: its text may hold what the server said, or the key.
            _log.warning("headlines not fetched", error=type(error).__name__, status=getattr(error, "status", None))
        else:
            _log.info("headlines fetched", headlines=len(self.headlines))

    async def _body(self, client: httpx2.AsyncClient) -> bytes:
        query = {"category": "technology", "language": "en", "pageSize": str(_ASKED_FOR)}
        body = bytearray()
        async with client.stream("GET", self._url, params=query) as response:
            if response.status_code != httpx2.codes.OK:
                raise _Unusable(response.status_code)
            async for part in response.aiter_raw():
                body += part
                if len(body) > _MAX_BYTES:
                    raise _Unusable(response.status_code)
        return bytes(body)


class _Unusable(Exception):
    """The answer is a refusal, or longer than any that is taken."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


_FAILURES = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    TimeoutError,
    msgspec.MsgspecError,
    RecursionError,  # JSON that is nested too deeply
    UnicodeDecodeError,
    ExceptionGroup,  # how a port that cannot be is reported
    _Unusable,
)


class _Article(msgspec.Struct, rename="camel"):
    title: str
    description: str | None = None
    author: str | None = None
    published_at: str | None = None
    content: str | None = None


class _Answer(msgspec.Struct):
    articles: list[msgspec.Raw]


def _headlines(body: bytes) -> Iterator[Headline]:
    """The articles of an answer that can be used: one that is not as it should be spoils no other."""
    for raw in msgspec.json.decode(body, type=_Answer).articles:
        try:
            article = msgspec.json.decode(raw, type=_Article)
        except msgspec.ValidationError:
            continue
        title = _plain(article.title, _MAX_TITLE)
        if title and title.casefold() != _REMOVED:
            yield Headline(
                title=title,
                description=_plain(article.description, _MAX_TEXT),
                author=_plain(article.author, _MAX_AUTHOR),
                date=_date(article.published_at),
                content=_plain(article.content, _MAX_TEXT),
            )


def _plain(text: str | None, most: int) -> str:
    """The text without addresses and markup, on one line, cut at a word after `most` characters."""
    bare = _CUT_OFF.sub("", html.unescape((text or "")[: 10 * most]))
    bare = _TAG.sub(" ", "".join(letter if letter.isprintable() else " " for letter in bare))
    words = (word for word in bare.split() if len(word) <= _LONGEST_WORD and not _ADDRESS.search(word))
    bare = " ".join(_MARKUP.sub(" ", " ".join(words)).split())
    return bare if len(bare) <= most else f"{bare[:most].rpartition(' ')[0]}…"


def _date(published_at: str | None) -> str:
    try:
        date = datetime.fromisoformat(published_at or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return f"{date.day} {date:%B %Y}"
