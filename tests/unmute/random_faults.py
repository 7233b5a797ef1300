"""A storm of malformed messages against a running edge.

    python -m tests.unmute.random_faults ws://127.0.0.1:8000 --messages 100000 --seed 7

Several sessions send them in batches; after each batch an update that is in order, and recognised by its voice, must be
answered, or the session be closed with a code that fits. It prints what it found, as JSON, and its exit code is 1 if
anything was wrong.
"""

import argparse
import asyncio
import base64
import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.unmute.malformed import LOST, Malformed, Verdict, Way, encoded_sound, joined, messages
from tests.unmute.occurrences import Received
from tests.unmute.rules import (
    EventIdsDiffer,
    OneOggStream,
    OneReplyAtATime,
    OutputsComeBeforeTheEnd,
    RepliesAreWhole,
    Rules,
    WordsAreWords,
)
from tests.unmute.sheet import ErrorEvent, NotOnTheSheet, SessionUpdated, read

SESSIONS = 6
BATCH = 16
"""Messages that are sent before an answer is waited for; a server may refuse more updates that wait than twice this."""

ANSWER_LIMIT_S = 20.0

_GREETED = (
    '{"type": "session.update", "session": {"allow_recording": false, "instructions": {"type": "smalltalk"}}}',
    json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(joined(encoded_sound(0.5))).decode()}),
)
"""What makes the server speak, so that half of the sessions are in the middle of a reply."""

LEAKS = re.compile(
    r"Traceback|\bFile \"|\w\.py\b|\b[A-Z]\w*(?:Error|Exception|Warning|Fault)\b|<class|<function| object at"
    r"|0x[0-9a-f]{5}|site-packages|/(?:usr|root|home|app|tmp)/|\bline \d+, in\b"
    r"|\b(?:msgspec|grpc|sphn|numpy|uvicorn|starlette|websockets|asyncio|edge|orchestrator|mesh)\."
    r"|\bNoneType\b|\bb'|panick|unwrap|codepoint|errno"
)
"""What an error must not show: exceptions, files, modules, addresses."""

_RULES = (EventIdsDiffer, OneReplyAtATime, RepliesAreWhole, OutputsComeBeforeTheEnd, WordsAreWords, OneOggStream)
"""Those that hold whatever a client sends."""


class Report(msgspec.Struct):
    """What came of it."""

    messages: int = 0
    sessions: int = 0
    errors: int = 0
    """Messages that were answered by an error, after which the session went on."""
    closes: dict[int, int] = {}
    seconds: float = 0.0
    texts: dict[str, int] = {}
    """The errors' texts, and how often each came, without what they quote."""
    wrong: list[str] = []
    """What should not have been, with the messages that it followed."""


@dataclass
class _Answers:
    """What followed a batch."""

    rejected: int = 0
    updated: int = 0
    answered: bool = False
    code: int | None = None


class Storm:
    """Sends what `batches` gives, in sessions that are replaced when they are closed."""

    def __init__(self, url: str, batches: Iterator[Sequence[Malformed]]) -> None:
        self.report = Report()
        self._url = url
        self._batches = batches
        self._texts: Counter[str] = Counter()
        self._closes: Counter[int] = Counter()
        self._numbers = itertools.count()

    async def run(self, sessions: int = SESSIONS) -> Report:
        """Send all of it."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for _ in range(sessions):
                group.create_task(self._rage())
        self.report.seconds = asyncio.get_running_loop().time() - began
        self.report.texts = dict(self._texts.most_common())
        self.report.closes = dict(self._closes)
        return self.report

    async def _rage(self) -> None:
        session: _Session | None = None
        try:
            for batch in self._batches:
                session = session or await self._open()
                answers = await session.send(batch)
                self._judge(session, batch, answers)
                if answers.code is not None:
                    session = None
        finally:
            if session:
                await session.leave()

    async def _open(self) -> "_Session":
        self.report.sessions += 1
        socket = await connect(f"{self._url}/v1/realtime", compression=None, max_size=None, open_timeout=ANSWER_LIMIT_S)
        if self.report.sessions % 2:
            for message in _GREETED:
                await socket.send(message)
        return _Session(socket, self)

    def _judge(self, session: "_Session", batch: Sequence[Malformed], answers: _Answers) -> None:
        self.report.messages += len(batch)
        self.report.errors += answers.rejected
        verdicts = Counter(message.verdict for message in batch)
        unsaid = verdicts[Verdict.UNSAID]
        codes = batch[-1].codes
        if answers.code is not None:
            self._closes[answers.code] += 1
        if codes or answers.code is not None:
            if answers.code not in codes:
                self._complain(f"closed with {answers.code}, expected {sorted(codes) or 'to go on'}", batch)
        elif not answers.answered:
            self._complain("no answer to an update", batch)
        elif not 0 <= answers.rejected - verdicts[Verdict.REJECTED] <= unsaid:
            expected = f"{verdicts[Verdict.REJECTED]} to {verdicts[Verdict.REJECTED] + unsaid}"
            self._complain(f"{answers.rejected} errors, expected {expected}", batch)
        elif not 1 <= answers.updated - verdicts[Verdict.UPDATED] <= 1 + unsaid:
            expected = f"{verdicts[Verdict.UPDATED] + 1} to {verdicts[Verdict.UPDATED] + 1 + unsaid}"
            self._complain(f"{answers.updated} updates, expected {expected}", batch)
        for complaint in session.complaints():
            self._complain(complaint, batch)

    def _complain(self, what: str, batch: Sequence[Malformed]) -> None:
        self.report.wrong.append("\n    ".join([what, *map(str, batch)]))

    def next_number(self) -> int:
        """A number that no update has had."""
        return next(self._numbers)

    def note(self, text: str) -> None:
        """Count an error's text."""
        self._texts[re.sub(r"'[^']*'|\d+", "…", text)[:120]] += 1


class _Session:
    """One connection."""

    def __init__(self, socket: ClientConnection, storm: Storm) -> None:
        self._socket = socket
        self._storm = storm
        self._complaints: list[str] = []
        self._rules = Rules(_RULES)

    async def send(self, batch: Sequence[Malformed]) -> _Answers:
        """Send a batch and an update, and take what comes until that is answered or the connection is closed."""
        answers = _Answers()
        probe = f"probe-{self._storm.next_number()}"
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                for message in batch:
                    await self._send(message)
                if not batch[-1].codes:
                    await self._socket.send(
                        json.dumps({"type": "session.update", "session": {"allow_recording": False, "voice": probe}})
                    )
                while not answers.answered:
                    self._take(await self._socket.recv(), probe, answers)
        except TimeoutError:
            await self.leave()
            answers.code = -1
        except ConnectionClosed:
            # What was sent before the close is still to be read.
            answers.code = self._socket.close_code or LOST
        return answers

    async def _send(self, message: Malformed) -> None:
        match message.way:
            case Way.WIRE:
                self._socket.transport.write(message.data)
            case Way.TEXT | Way.BINARY if message.pieces > 1:
                size = -(-max(1, len(message.data)) // message.pieces)
                pieces = [message.data[at : at + size] for at in range(0, max(1, len(message.data)), size)]
                await self._socket.send(pieces, text=message.way is Way.TEXT)
            case way:
                await self._socket.send(message.data, text=way is Way.TEXT)

    def _take(self, message: str | bytes, probe: str, answers: _Answers) -> None:
        try:
            event = read(message)
        except NotOnTheSheet as strange:
            self._complaints.append(str(strange))
            return
        self._rules.see(Received(asyncio.get_running_loop().time(), event))
        match event:
            case SessionUpdated(session=session):
                answers.updated += 1
                answers.answered = session.voice == probe
            case ErrorEvent(error=fault):
                answers.rejected += fault.type == "invalid_request_error"
                self._storm.note(fault.message)
                told = json.dumps([fault.message, fault.details], ensure_ascii=False)
                if leak := LEAKS.search(told):
                    self._complaints.append(f"an error shows {leak[0]!r}: {told[:300]}")

    def complaints(self) -> list[str]:
        """What was wrong with what came, since last asked."""
        found = [*self._complaints, *map(str, self._rules.violations)]
        self._complaints.clear()
        self._rules.violations.clear()
        return found

    async def leave(self) -> None:
        """Close the connection, or drop it if the other side does not answer."""
        await self._socket.close()


def batches(count: int, seed: int) -> Iterator[Sequence[Malformed]]:
    """The messages in batches of up to `BATCH`; one after which the server closes is the last of its own."""
    batch: list[Malformed] = []
    for message in messages(count, seed):
        batch.append(message)
        if message.codes or len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="A storm of malformed messages against a running edge.")
    parser.add_argument("url", help="ws://host:port")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    wanted = parser.parse_args()
    report = asyncio.run(Storm(wanted.url, batches(wanted.messages, wanted.seed)).run(wanted.sessions))
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
