from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from launcher.checks.check import Context, context_of
from launcher.options import MeshOptions
from tests.ports import free_port

Look = Callable[..., Coroutine[Any, Any, Context]]


@pytest.fixture
def context() -> Look:
    """The context in which nothing but these variables is set."""

    async def make(llm: str | None = None, port: int | None = None, **environ: str) -> Context:
        return await context_of(environ, MeshOptions(port or free_port(), 0, llm))

    return make
