"""What a search that found no replica is called; no I/O."""

import pytest

from mesh.discovery.replicas import missing, outcome_of
from mesh.discovery.search import DIRECT, SEARCHING_SERVICE
from mesh.errors import (
    AtCapacity,
    BadAudio,
    Draining,
    InternalError,
    MeshError,
    MissingServiceAtCapacity,
    MissingServiceTimeout,
    UpstreamDown,
    UpstreamMisconfigured,
    VoiceNotFound,
)
from mesh.pool import FailedTry, NoneFound, Outcome

DOWN, BUG = UpstreamDown("no answer in time"), InternalError()


def full(retry_after: float, service: str | None = None) -> MeshError:
    return AtCapacity("full", retry_after=retry_after, service=service)


@pytest.mark.parametrize(
    ("errors", "kind", "service", "retry_after"),
    [
        ([], MissingServiceTimeout, "tts", None),
        ([DOWN], MissingServiceTimeout, "tts", None),
        ([Draining("going")], MissingServiceTimeout, "tts", None),
        # The shortest hint of those that were full; failures do not matter, and bugs neither.
        ([full(4.0), full(2.0), full(3.0)], MissingServiceAtCapacity, "tts", 2.0),
        ([full(4.0), DOWN, BUG], MissingServiceAtCapacity, "tts", 4.0),
        ([full(0.0), full(2.0)], MissingServiceAtCapacity, "tts", 0.0),
        # The service that is missing further on, as the last replica that names one has it.
        ([MissingServiceTimeout.of("stt")], MissingServiceTimeout, "stt", None),
        ([MissingServiceTimeout.of("stt"), DOWN], MissingServiceTimeout, "stt", None),
        ([MissingServiceTimeout.of("stt"), MissingServiceTimeout.of("llm")], MissingServiceTimeout, "llm", None),
        ([full(1.0, "stt"), DOWN], MissingServiceAtCapacity, "stt", 1.0),
        ([full(1.0), MissingServiceTimeout.of("llm")], MissingServiceAtCapacity, "llm", 1.0),
        # A bug is called one.
        ([BUG, DOWN], InternalError, None, None),
        ([DOWN, BUG, MissingServiceTimeout.of("stt")], InternalError, None, None),
    ],
)
def test_which_error_names_which_service_and_when_to_come_back(
    errors: list[MeshError], kind: type[MeshError], service: str | None, retry_after: float | None
) -> None:
    tries = (
        FailedTry(Outcome.FULL if isinstance(error, AtCapacity) else Outcome.FAILED, error, error.retry_after or 0.0)
        for error in errors
    )
    error = missing("tts", NoneFound(tuple(tries)))
    assert (type(error), error.service, error.retry_after) == (kind, service, retry_after)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DOWN, Outcome.FAILED),
        (BUG, Outcome.FAILED),
        (Draining("going"), Outcome.FAILED),
        (VoiceNotFound("no"), None),
        (BadAudio("no"), None),
        (UpstreamMisconfigured("key"), None),
    ],
    ids=lambda each: type(each).__name__,
)
def test_errors_that_would_be_the_same_everywhere_are_the_requests_own(
    error: MeshError, outcome: Outcome | None
) -> None:
    assert outcome_of(error) is outcome


def test_a_try_through_a_search_outlasts_that_search_and_its_last_try() -> None:
    assert (DIRECT.one_try, DIRECT.search, DIRECT.failures) == (0.5, 1.5, 3)
    assert SEARCHING_SERVICE.one_try == DIRECT.search + DIRECT.one_try
    assert SEARCHING_SERVICE.search == SEARCHING_SERVICE.one_try + DIRECT.one_try
    assert DIRECT.wait_for_serving == DIRECT.one_try
