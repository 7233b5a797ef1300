import pytest
from click.testing import CliRunner

from launcher.main import main
from tests.launcher.conftest import Parley


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--target", "127.0.0.1:9"], "--target goes with --rpc"),
        (["--rpc", "converse", "--url", "ws://127.0.0.1:9"], "with --rpc use --target"),
        (["--rpc", "converse", "--target", "nowhere"], "--target: "),
        (["--rpc", "synthesize", "--barge-in", "0.5"], "nobody interrupts or drops in synthesize"),
        (["--limit-ms", "900"], "--limit-ms goes with --find-capacity"),
        (["--sessions", "0"], "--sessions"),
        (["--drop", "2"], "--drop"),
        (["--html", "/nowhere/report.html"], "there is no folder /nowhere"),
        (["--pid", "99999999"], "there is no process 99999999"),
        (["--url", "127.0.0.1"], "is no address of an edge"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: list[str], complaint: str) -> None:
    ran = CliRunner().invoke(main, ["load", *arguments])
    assert ran.exit_code == 2
    assert complaint in ran.stderr


async def test_nobody_there(parley: Parley) -> None:
    ran = await parley("load", "--url", "ws://127.0.0.1:9", "--sessions", "1", "--ramp", "0", "--duration", "1")
    assert ran.code == 1
    assert "no session was admitted at ws://127.0.0.1:9/v1/realtime: CANNOT_CONNECT" in ran.err
    assert "Start a mesh with: parley up" in ran.err
