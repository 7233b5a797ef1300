import os

from launcher.running.process import MAX_LINE_BYTES, started


async def output(command: tuple[str, ...]) -> list[str]:
    seen: list[str] = []
    async with started(command, os.environ, seen.append) as process:
        await process.wait()
    return seen


async def test_both_outputs_come_line_by_line(python: tuple[str, ...]) -> None:
    code = "import sys; print('one'); print('two', file=sys.stderr); print('thr\u00e9e', end='')"
    assert await output((*python, code)) == ["one", "two", "thr\u00e9e"]


async def test_bytes_that_are_no_text_are_replaced(python: tuple[str, ...]) -> None:
    assert await output((*python, r"import sys; sys.stdout.buffer.write(b'a\xffb\r\n')")) == ["a\ufffdb"]


async def test_an_endless_line_comes_in_pieces(python: tuple[str, ...]) -> None:
    pieces = await output((*python, "print('x' * 100_000)"))
    assert "".join(pieces) == "x" * 100_000
    assert max(map(len, pieces)) <= 2 * MAX_LINE_BYTES


async def test_leaving_ends_it(python: tuple[str, ...]) -> None:
    async with started((*python, "import time; time.sleep(60)"), os.environ, print) as process:
        pass
    assert process.returncode == -9


async def test_its_environment_is_what_it_was_given(python: tuple[str, ...]) -> None:
    seen: list[str] = []
    code = "import os; print(os.environ['COLOUR'], 'HOME' in os.environ)"
    async with started((*python, code), {"COLOUR": "blue"}, seen.append) as process:
        await process.wait()
    assert seen == ["blue False"]
