import io

from rich.console import Console

from launcher.running.output import Progress
from launcher.running.supervise import Stage

NAMES = ["edge", "stt-proxy", "tts-proxy"]


def terminal(height: int = 24, width: int = 80) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, force_terminal=True, height=height, width=width, _environ={"TERM": "xterm"}), written


def test_a_line_for_each_process() -> None:
    console, _ = terminal()
    progress = Progress(NAMES, console)
    progress.note("edge", Stage.READY)
    progress.note("stt-proxy", Stage.ENDED)
    with console.capture() as captured:
        console.print(progress)
    edge, stt, tts = Console().render_str(captured.get()).plain.split("\n")[:3]
    assert "edge" in edge
    assert "ready after 0.0 s" in edge
    assert "ended, starting again" in stt
    assert "starting, 0 s" in tts


def test_one_line_where_there_is_little_room() -> None:
    console, _ = terminal(height=5, width=30)
    progress = Progress(NAMES, console)
    progress.note("edge", Stage.READY)
    with console.capture() as captured:
        console.print(progress)
    assert captured.get().rstrip() == "1 of 3 ready; stt-proxy, tts-…"


def test_the_log_goes_above_and_everything_else_vanishes() -> None:
    console, written = terminal()
    with Progress(NAMES, console) as progress:
        assert progress.shown
        progress.print_line("\x1b[36medge |\x1b[0m serving " + "x" * 100)
    assert not progress.shown
    assert "serving " + "x" * 100 + "\n" in written.getvalue()


def test_shows_nothing_where_there_is_no_terminal() -> None:
    written = io.StringIO()
    with Progress(NAMES, Console(file=written)) as progress:
        assert not progress.shown
    assert written.getvalue() == ""
