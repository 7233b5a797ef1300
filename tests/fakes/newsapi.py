"""NewsAPI, with the news that the test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from standins.watched import Watched
from tests.fakes import http

KEY = "0123456789abcdef"


def article(number: int, **fields: Any) -> dict[str, Any]:
    """An article as NewsAPI gives them."""
    return {
        "source": {"id": "the-gazette", "name": "The Gazette"},
        "author": f"Author {number}",
        "title": f"Title {number}",
        "description": f"Description {number}.",
        "url": f"https://gazette.example/{number}",
        "urlToImage": f"https://gazette.example/{number}.jpg",
        "publishedAt": "2026-11-23T15:25:00Z",
        "content": f"Content {number} [+1234 chars]",
        **fields,
    }


def answer(*articles: Any) -> dict[str, Any]:
    """What a successful request is answered with."""
    return {"status": "ok", "totalResults": len(articles), "articles": list(articles)}


class FakeNewsApi(Watched):
    """Counts the requests it gets; answers once `open` is set, which it is until a test clears it."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.open = asyncio.Event()
        self.open.set()
        self.answer: Callable[[], Response] = lambda: JSONResponse(answer(*map(article, range(12))))
        self.app = Starlette(routes=[Route("/v2/top-headlines", self._headlines)])

    async def _headlines(self, request: Request) -> Response:
        self.requests.append(request)
        self.changed()
        await self.open.wait()
        if request.headers.get("x-api-key") != KEY:
            return JSONResponse({"status": "error", "code": "apiKeyInvalid", "message": "no"}, 401)
        return self.answer()


@asynccontextmanager
async def serving(fake: FakeNewsApi) -> AsyncIterator[str]:
    """Serve the fake meanwhile, and yield its URL."""
    async with http.serving(fake.app) as url:
        try:
            yield url
        finally:
            fake.open.set()
