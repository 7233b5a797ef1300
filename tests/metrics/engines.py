"""Stand-ins of all engines as a process, which can be told to go wrong."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

_ANYWHERE = ("--stt-port=0", "--tts-port=0", "--llm-port=0", "--cloning-port=0")


class Engines:
    """The stand-ins, by the variables that tell a mesh where they are."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self._urls = {
            re.sub(r"KYUTAI_|VOICE_|_URL", "", name).lower(): url.replace("ws", "http", 1)
            for name, url in variables.items()
        }

    async def tell(self, kind: str, *faults: str, **options: Any) -> None:
        """Have "stt", "tts", "llm" or "cloning" do these faults from now on, and no others, and change its options."""
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.patch(f"{self._urls[kind]}/standin", json={"options": options, "faults": faults})
        assert answer.status_code == 200, answer.text


@contextmanager
def fake_engines(*options: str) -> Iterator[Engines]:
    """Run `parley fake-engines` meanwhile."""
    command = (sys.executable, "-c", "from launcher.main import main; main()", "fake-engines", *_ANYWHERE, *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        assert process.stdout
        try:
            lines = [process.stdout.readline() for _ in range(4)]
            yield Engines(dict(line.removeprefix("export ").strip().split("=", 1) for line in lines))
        finally:
            process.kill()
