"""What Unmute's clients may rely on here, claim by claim, and where Parley differs from Unmute on purpose.

A test that shows a claim is marked with it: `@pytest.mark.unmute("B13", "C7")`. `claims_shown` finds the marks without
running anything; CLAIMS.md beside this module lists them, and test_contract.py holds every claim to at least one test.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]

SECTIONS: Mapping[str, str] = {
    "S1": "Handshake: the path, the subprotocol, nothing sent before the client speaks",
    "S2": "The envelope: `type`, `event_id`, explicit nulls, unknown fields ignored",
    "S3": "Client events: `session.update`, audio, anonymized audio, and nothing else",
    "S4": "Server events: the closed list, every field, and the order within a turn",
    "S5": "Audio: Ogg Opus in any split, one Ogg stream a connection",
    "S6": "The greeting needs audio and instructions",
    "S7": "Errors and close codes",
    "S8": "The REST routes, upload limits and CORS",
    "S9": "Turn taking: thresholds, silence, flush, interruption, goodbye",
    "S10": "The language model's side: what it is asked, and how its words are taken",
    "S11": "The engines' wire, and the search for an engine",
    "S12": "The Prometheus metrics",
    "S13": "Recordings",
}
"""The contract in broad strokes."""

CHECKS: Mapping[str, str] = {
    "C1": "The handshake with and without an offered subprotocol",
    "C2": "No event before `session.update`",
    "C3": "The greeting needs audio *and* instructions",
    "C4": "A page a message, many pages, split pages; stale pages before the first of a stream are ignored",
    "C5": "The first audio begins an Ogg stream; one serial, rising sequence numbers, across interruptions too",
    "C6": "The order of a turn's events; the additional outputs come right before `response.audio.done`",
    "C7": "A pause at 0.61 and not at 0.59; a barge-in at 0.39 and not at 0.41, and not in the first reply's window",
    "C8": "A pause is followed by eight frames of zeros",
    "C9": "A silence of seven seconds is broken",
    "C10": "A goodbye closes with 1000",
    "C11": "Every row of the error table",
    "C12": "411 and 413, and CORS on each",
    "C13": "Every metric's name, kind and buckets",
    "C14": "A recording is deleted when consent is withdrawn",
    "C15": "A load-test client holds six-message conversations, eight at once",
}
"""The checklist."""

BUGS: Mapping[str, str] = {
    "B1": "The subprotocol is answered only if it was offered",
    "B2": "One session too many is refused at once, and only sessions that run are counted",
    "B3": "Health is checked before anything is contacted, with a reason for each service",
    "B4": "Bad base64, short payloads and bytes that are no Ogg cost a message, not the session",
    "B5": "The start of an Ogg stream is known by its capture pattern and its flag",
    "B6": "A search that runs out of time leaves no half-open connection behind",
    "B7": "An engine's error at the start is what it is: permanent ones are not taken for capacity, nor retried",
    "B8": "A reply without words ends the turn",
    "B9": "A reply has an id from the moment it is decided",
    "B10": "The word that interrupts reaches the client",
    "B11": "Nothing of a reply is sent after its interruption",
    "B12": "An interrupted reply has an end that the client is told of",
    "B13": "Speech that resumes during the flush cancels the pending reply",
    "B14": "The uninterruptible window runs from the first reply's first audio",
    "B15": "Due audio is released by a timer",
    "B16": "What is due at the same time comes in order",
    "B17": "Consent withdrawn in the middle of a reply harms nothing",
    "B18": "Nothing is recorded before consent, and no two recordings share a name",
    "B19": "Prompts, news, model lists and cloning never block a process",
    "B20": "411 and 413 carry CORS headers, and the limit is the file's, not the form's",
    "B21": "Debug output is not recorded",
    "B22": "The system prompt is never shown to a client",
    "B23": "A recogniser that is lost is replaced, or named",
    "B24": "An engine's error in mid-stream is handled, for hearing and speaking alike",
    "B25": "Closing an engine's connection waits for nothing that may never come",
    "B26": "A gauge goes down exactly as often as it went up",
    "B27": "Nothing grows with a session's length that is never sent",
    "B28": "What is merged for the language model is stripped, and silences collapse",
    "B29": "A muted client that sends nothing times out as well",
    "B30": "A donation's id is taken atomically, and metadata that is no object is refused with 400",
    "B31": "The news fall back in the right language; a lone colon is not read out",
    "B32": "A goodbye closes when it has been heard",
    "B33": "A word without letters is never shown",
}
"""What Unmute's backend gets wrong, as it is right here."""

CLAIMS: Mapping[str, str] = {**SECTIONS, **CHECKS, **BUGS}


def claims_shown() -> dict[str, list[str]]:
    """The tests that show each claim, as pytest names them; marks that name no claim are there too."""
    shown: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        for test, claims in _marked(ast.parse(path.read_text(), filename=name).body):
            for claim in claims:
                shown[claim].append(f"{name}::{test}")
    return shown


def _marked(body: Sequence[ast.stmt]) -> Iterator[tuple[str, list[str]]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if claims := _claims(node.decorator_list):
                yield node.name, claims
            case ast.ClassDef():
                for test, claims in _marked(node.body):
                    yield f"{node.name}::{test}", claims


def _claims(decorators: Sequence[ast.expr]) -> list[str]:
    return [
        argument.value
        for decorator in decorators
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.unmute"
        for argument in decorator.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
