import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from mesh.process import logs


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("bakery", "info", "json")
    structlog.get_logger().info("bread is ready", loaves=3)
    (line,) = printed(capsys)
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "bread is ready", "loaves": 3, "level": "info", "service": "bakery"}


def test_the_standard_library_flows_into_the_same_output(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("bakery", "info", "json")
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.addHandler(logging.StreamHandler())
    logs.configure("bakery", "info", "json")
    uvicorn.info("listening on %d", 80)
    (line,) = printed(capsys)
    assert json.loads(line)["event"] == "listening on 80"
    assert json.loads(line)["service"] == "bakery"


def test_a_peer_that_leaves_is_one_line_of_grpcs(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("bakery", "info", "json")
    grpc = logging.getLogger("grpc._cython.cygrpc")
    for kind in (asyncio.CancelledError, ZeroDivisionError):
        try:
            raise kind  # noqa: TRY301 - it is to have a trace
        except BaseException:  # noqa: BLE001 - a cancellation is one
            grpc.exception("Exception not handled by %s", "it")
    left, bug = (json.loads(line) for line in printed(capsys))
    assert (left["level"], left["event"], "exception" in left) == ("info", "call ended: the peer has left", False)
    assert (bug["level"], bug["event"]) == ("error", "Exception not handled by it")
    assert "ZeroDivisionError" in bug["exception"]


def test_less_than_the_level_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("bakery", "warning", "console")
    structlog.get_logger().info("kneading")
    logging.getLogger("anything").info("kneading")
    structlog.get_logger().warning("burning")
    assert [line for line in printed(capsys) if "kneading" in line] == []


def test_libraries_keep_their_inner_life_to_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("bakery", "info", "console")
    logging.getLogger("httpx2").info("HTTP Request: POST")
    assert printed(capsys) == []


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_trace_is_told_without_the_variables(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    logs.configure("bakery", "info", log_format)

    def bake(key: str) -> None:
        if key:
            raise ValueError("too hot")

    try:
        bake("the key is " + "1234")
    except ValueError:
        structlog.get_logger().exception("bug")
    text = "\n".join(printed(capsys))
    assert "too hot" in text
    assert "the key is 1234" not in text


async def test_each_session_has_its_own_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("bakery", "info", "json")

    async def session(name: str) -> None:
        logs.bind_session(name)
        await asyncio.sleep(0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work(name))

    async def work(name: str) -> None:
        structlog.get_logger().info("at work", expected=name)

    await asyncio.gather(session("a"), session("b"))
    structlog.get_logger().info("alone", expected=None)
    events = [json.loads(line) for line in printed(capsys)]
    assert len(events) == 3
    assert all(event.get("session_id") == event["expected"] for event in events)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_credentials_are_not_logged(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    logs.configure("bakery", "info", log_format)
    address = "https://me:sesame@llm/v1?key=sesame"
    structlog.get_logger().info(f"no answer of {address}", url=address, asked={"api_key": "sesame"})
    logging.getLogger("uvicorn.error").info("no answer of %s", address)
    try:
        raise ValueError(f"no answer of {address}")  # noqa: TRY301 - it is to have a trace
    except ValueError:
        structlog.get_logger().exception("it failed")
    lines = "\n".join(printed(capsys))
    assert lines.count("https://***@llm/v1?key=***") == 4
    assert "sesame" not in lines.replace('address = "https://me:sesame@llm', "")
