"""Autobahn's WebSocket cases against the server of the edge, as the package kosoku runs them.

The cases want their messages back, which no edge does; so an application that echoes is served just as the edge is.
"""

from collections import Counter
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.server import server_config
from mesh.process.http_server import http_served, listening

LARGER_THAN_THE_EDGE_TAKES = ("9.1.4", "9.1.5", "9.1.6", "9.2.4", "9.2.5", "9.2.6", "9.3.*", "9.4.*")
"""Messages of 4 MiB and more: the edge closes with 1009 from 1 MiB on."""
STRICTER = {"7.1.5"}
"""A message that a close frame breaks off: the websockets library closes with 1002 instead of 1000."""
COMPRESSED = ("12.*", "13.*")
"""The edge offers no compression."""

kosoku: Any = pytest.importorskip("kosoku", reason="kosoku has no wheel here")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (text := message.get("text")) is not None:
                await websocket.send_text(text)
            else:
                await websocket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        return


@pytest.mark.timeout(600)
async def test_every_case_but_one_passes() -> None:
    app = Starlette(routes=[WebSocketRoute("/", echo)])
    listener = listening("127.0.0.1", 0, share_port=False)
    url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
    async with http_served(server_config(app), listener):
        excluded = [*LARGER_THAN_THE_EDGE_TAKES, *COMPRESSED]
        try:
            results = await kosoku.run_fuzzingclient(url, exclude_cases=excluded, concurrency=4)
        except kosoku.FailureError as failure:
            results = failure.results
    assert len(results) > 250
    print(totals(results))  # noqa: T201 - for docs/reliability.md, with -rP
    bad = {
        each.case_id: (each.behavior.value, each.behavior_close.value)
        for each in results
        if each.behavior.value not in {"OK", "NON-STRICT", "INFORMATIONAL"}
        or each.behavior_close.value not in {"OK", "INFORMATIONAL"}
    }
    assert bad.keys() == STRICTER, bad


def totals(results: Any) -> str:
    counts = Counter((each.behavior.value, each.behavior_close.value) for each in results)
    return ", ".join(f"{count} {behavior} (close {close})" for (behavior, close), count in counts.most_common())
