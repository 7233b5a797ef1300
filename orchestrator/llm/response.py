"""Reads the JSON objects of one answer from its HTTP response: server-sent events, lines of JSON, or one object."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Self

import httpx2

_LONGEST_OBJECT = 4 << 20
"""Bytes. No server sends more for one chunk, or for a whole answer."""
_DRAIN_S = 0.25
"""How long the end of a response is waited for after its last event. A connection is kept only if it comes."""
_LINE_END = re.compile(rb"\r\n|\n|\r")


class ErrorInAnswer(Exception):
    """The server sent an error where its answer should be. `text` is private: it may hold the prompt."""

    def __init__(self, text: str) -> None:
        super().__init__("an error in the answer")
        self.text = text


class ResponseReader:
    """Yields the objects of an answer. Events that carry nothing are skipped.

    An object of data is complete as soon as it can be read, so a server that forgets the blank line between events is
    understood too. Malformed JSON raises `ValueError`, an error object `ErrorInAnswer`, a lost connection `httpx2`'s
    errors.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self.done = False
        """The server has said that this was all."""
        self._response = response
        self._bytes: AsyncIterator[bytes] = response.aiter_bytes()
        self._objects = self._read()
        self._first: dict[str, Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.done:
            with suppress(TimeoutError, httpx2.HTTPError):
                async with asyncio.timeout(_DRAIN_S):
                    async for _rest in self._bytes:
                        pass
        await self._objects.aclose()
        await self._response.aclose()

    async def begin(self) -> None:
        """Read the first object, which `next` then returns. A refusal at HTTP 200 is raised here."""
        self._first = await self.next()

    async def next(self) -> dict[str, Any] | None:
        """Return the next object; None at the end."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._objects, None)

    async def _read(self) -> Any:
        pending, event, bare = "", "", False
        async for line in self._lines():
            name, _, value = line.partition(":")
            if line.startswith(("{", "[")) or bare:  # no event: the whole answer, or one object a line
                pending, bare = f"{pending}\n{line}", True
            elif name == "data":
                value = value.removeprefix(" ")
                if value.strip() == "[DONE]":
                    self.done = True
                    return
                pending = f"{pending}\n{value}" if pending else value
            elif name == "error" and value.strip():  # llama.cpp
                raise ErrorInAnswer(value)
            elif name == "event":
                event = value.strip()
                continue
            elif line.strip():
                continue
            if not pending.strip():
                pending = ""
                event = event if line.strip() else ""
                continue
            if len(pending) > _LONGEST_OBJECT:
                raise ValueError("an object of the answer is too long")
            found = _parsed(pending, final=not bare and not line.strip())
            if found is not None:
                if event == "error":
                    raise ErrorInAnswer(pending)
                pending, event, bare = "", "", False
                yield _checked(found)
        if pending.strip():
            yield _checked(json.loads(pending))

    async def _lines(self) -> AsyncIterator[str]:
        rest = b""
        async for data in self._bytes:
            *lines, rest = _LINE_END.split(rest + data)
            for line in lines:
                yield line.decode()
            if len(rest) > _LONGEST_OBJECT:
                raise ValueError("a line of the answer is too long")
        yield rest.decode()


def _parsed(text: str, *, final: bool) -> Any:
    """Return what a text holds; None if more of it is to come."""
    if not final and text.rstrip()[-1:] not in ("}", "]", '"'):
        return None
    try:
        return json.loads(text)
    except ValueError:
        if final:
            raise
        return None


def _checked(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TypeError(f"an event of the answer holds a {type(found).__name__}")
    if _is_error(found):
        raise ErrorInAnswer(json.dumps(found, ensure_ascii=False))
    return found


def _is_error(found: Mapping[str, Any]) -> bool:
    """Whether an object is an error: `error` (most), `object` (vLLM, FastChat), `base_resp` (MiniMax), bare fields."""
    if found.get("error") or found.get("object") == "error" or found.get("type") == "error" or found.get("error_code"):
        return True
    base = found.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):
        return True
    bare = "detail" in found or ("message" in found and "code" in found)  # FastAPI; DashScope
    return bare and "choices" not in found
