import grpc
import pytest

from edge.session import refusals
from mesh.errors import (
    AtCapacity,
    ConfigRequired,
    Draining,
    InternalError,
    MeshError,
    MissingServiceAtCapacity,
    MissingServiceTimeout,
    UpstreamDown,
    VoiceNotFound,
    from_rpc_error,
)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            MissingServiceAtCapacity.of("stt", retry_after=1.2),
            1013,
            "Every stt is taken. Please try again in 2 s.",
        ),
        (AtCapacity("this replica is full", retry_after=3), 1013, "This replica is full. Please try again in 3 s."),
        (MissingServiceTimeout.of("orchestrator"), 1011, "No orchestrator can be reached."),
        (UpstreamDown("the connection was lost"), 1011, "The conversation was lost. Please try again."),
        (VoiceNotFound("there is no voice 'x'"), 1011, "There is no voice 'x'."),
        (ConfigRequired("the first message must be config"), 1008, "The first message must be config."),
        (
            Draining("this server is about to stop", retry_after=1),
            1012,
            "This server is about to stop. Please try again in 1 s.",
        ),
        (InternalError(), 1011, "Something went wrong here. Please try again."),
    ],
)
def test_each_error_has_its_code_and_words(error: MeshError, code: int, words: str) -> None:
    assert refusals.close_code(error) == code
    assert refusals.words(error) == words


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_the_words_for_a_status_of_the_transport_are_for_people(code: grpc.StatusCode) -> None:
    error = from_rpc_error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "RST_STREAM"))
    assert refusals.words(error) in {
        "The conversation was lost. Please try again.",
        "Something went wrong here. Please try again.",
    }


def test_a_reason_fits_its_frame() -> None:
    assert refusals.close_reason("short") == "short"
    assert refusals.close_reason("é" * 100) == "é" * 61
