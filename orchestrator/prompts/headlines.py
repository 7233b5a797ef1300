"""What is in the news, from NewsAPI (newsapi.org/docs), fetched once for all conversations of a process."""

import asyncio
import html
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple, Self

import httpx2
import msgspec
import structlog

from orchestrator.proxies import PAST_PROXIES
from orchestrator.settings import OrchestratorSettings

KEPT_S = 4 * 3_600.0
"""How long headlines are good for."""

RETRY_AFTER_S = 60.0
"""How long nobody asks again after a failure: a NewsAPI that is dead must not delay every conversation."""

_MOST_BYTES = 1 << 20
_ASKED_FOR = 40

_MOST_AUTHOR, _MOST_TITLE, _MOST_TEXT = 80, 200, 400

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


class Newsroom:
    """Knows the headlines, or that there are none to be had. Entered before use; leaving cancels a fetch.

    Without a key in the settings there never are any. `clock` counts seconds.
    """

    def __init__(self, settings: OrchestratorSettings, clock: Callable[[], float] = monotonic) -> None:
        self._url = f"{settings.newsapi_url.rstrip('/')}/v2/top-headlines"
        self._key = settings.newsapi_api_key
        self._limit_s = settings.news_limit_s
        self._clock = clock
        self._client: httpx2.AsyncClient | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._headlines: tuple[Headline, ...] = ()
        self._good_until: float | None = None

    async def __aenter__(self) -> Self:
        if self._key is not None:
            self._client = httpx2.AsyncClient(
                # What is compressed could grow past every bound while it is unpacked.
                headers={"X-Api-Key": self._key, "Accept-Encoding": "identity"},
                mounts=PAST_PROXIES,
                timeout=self._limit_s,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        if self._client is not None:
            await self._client.aclose()

    @property
    def is_up_to_date(self) -> bool:
        """Whether `headlines` can be used without a `refresh`."""
        return self._client is None or (self._good_until is not None and self._clock() < self._good_until)

    @property
    def headlines(self) -> tuple[Headline, ...]:
        """What is in the news as far as is known; empty when it could not be had."""
        return self._headlines

    async def refresh(self) -> None:
        """Bring `headlines` up to date, within the limit. Whoever asks while it is being done waits for the same."""
        if self.is_up_to_date:
            return
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch(), name="news")
        await asyncio.wait([self._fetching])  # one who leaves must not take it away from the others

    async def _fetch(self) -> None:
        self._headlines = ()
        try:
            async with asyncio.timeout(self._limit_s):
                self._headlines = tuple(_headlines(await self._body()))
        except _FAILURES as error:
            # Only the kind of failure: its text may hold what the server said, or the key.
            _log.warning("no news", error=type(error).__name__, status=getattr(error, "status", None))
        else:
            _log.info("news fetched", headlines=len(self._headlines))
        finally:
            self._good_until = self._clock() + (KEPT_S if self._headlines else RETRY_AFTER_S)

    async def _body(self) -> bytes:
        assert self._client is not None  # noqa: S101 - without one, it is always up to date
        query = {"category": "technology", "language": "en", "pageSize": str(_ASKED_FOR)}
        body = bytearray()
        async with self._client.stream("GET", self._url, params=query) as response:
            if response.status_code != httpx2.codes.OK:
                raise _Unusable(response.status_code)
            async for part in response.aiter_raw():
                body += part
                if len(body) > _MOST_BYTES:
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
        title = _plain(article.title, _MOST_TITLE)
        if title and title.casefold() != _REMOVED:
            yield Headline(
                title=title,
                description=_plain(article.description, _MOST_TEXT),
                author=_plain(article.author, _MOST_AUTHOR),
                date=_date(article.published_at),
                content=_plain(article.content, _MOST_TEXT),
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
