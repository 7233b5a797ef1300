import re

import grpc
import pytest

from mesh import errors
from mesh.errors import AtCapacity, MeshError, UpstreamDown, from_rpc_error, to_status

KINDS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, MeshError) and "default_reason" in vars(each)
]


def over_the_wire(error: MeshError) -> MeshError:
    """What a client makes of the status that a server made of `error`."""
    status = to_status(error)
    trailers = grpc.aio.Metadata(*status.trailing_metadata or ())
    return from_rpc_error(grpc.aio.AioRpcError(status.code, grpc.aio.Metadata(), trailers, status.details))


def foreign(code: grpc.StatusCode, details: str, *trailers: tuple[str, bytes]) -> MeshError:
    """What a client makes of a status that is none of ours."""
    return from_rpc_error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_arrives_as_itself(kind: type[MeshError]) -> None:
    arrived = over_the_wire(kind("what happened"))
    assert type(arrived) is kind
    assert arrived.message == "what happened"
    assert (arrived.code, arrived.reason) == (kind.default_code, kind.default_reason)


def test_the_tree_is_the_one_that_the_module_shows() -> None:
    assert errors.__doc__ is not None
    shown = re.findall(r"── (\w+)", errors.__doc__)
    own = [each.__name__ for each in KINDS if each is not MeshError]
    assert sorted(shown) == sorted([*own, "MissingServiceAtCapacity", "MissingServiceTimeout"])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidRequest),
        (grpc.StatusCode.FAILED_PRECONDITION, MeshError),
        (grpc.StatusCode.UNAVAILABLE, MeshError),
    ],
)
def test_a_reason_of_a_services_own_arrives_with_its_code(code: grpc.StatusCode, kind: type[MeshError]) -> None:
    arrived = over_the_wire(MeshError("what happened", code=code, reason="OF_ITS_OWN"))
    assert type(arrived) is kind
    assert (arrived.code, arrived.reason) == (code, "OF_ITS_OWN")


def test_details_arrive() -> None:
    arrived = over_the_wire(errors.BadAudioFormat("no such rate", field="config.format"))
    assert arrived.field == "config.format"
    assert over_the_wire(AtCapacity("full", retry_after=2.25)).retry_after == 2.25


def test_capacity_always_has_a_retry_hint_and_others_have_none() -> None:
    assert over_the_wire(AtCapacity("full")).retry_after == 1.0
    assert over_the_wire(UpstreamDown("down")).retry_after is None


def test_a_missing_service_keeps_its_name_through_another_service() -> None:
    full = over_the_wire(errors.MissingServiceAtCapacity.of("stt", retry_after=3.0))
    assert isinstance(full, errors.MissingServiceAtCapacity)
    assert (full.service, full.retry_after, full.reason) == ("stt", 3.0, "AT_CAPACITY")
    away = over_the_wire(errors.MissingServiceTimeout.of("tts"))
    assert isinstance(away, errors.MissingServiceTimeout)
    assert (away.service, away.reason) == ("tts", "UPSTREAM_DOWN")


def test_a_reason_from_a_newer_service_is_kept() -> None:
    arrived = over_the_wire(MeshError("on strike", code=grpc.StatusCode.ABORTED, reason="ON_STRIKE"))
    assert type(arrived) is MeshError
    assert (arrived.code, arrived.reason, arrived.message) == (grpc.StatusCode.ABORTED, "ON_STRIKE", "on strike")


def test_a_foreign_status_keeps_its_code_and_not_its_text() -> None:
    lost = foreign(grpc.StatusCode.UNAVAILABLE, "failed to connect to 10.1.2.3:5")
    assert type(lost) is UpstreamDown
    assert "10.1.2.3" not in lost.message
    assert "10.1.2.3" in str(lost.__cause__)
    too_big = foreign(grpc.StatusCode.RESOURCE_EXHAUSTED, "message larger than max")
    assert type(too_big) is MeshError
    assert (too_big.code, too_big.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED")


def test_details_that_cannot_be_read_are_no_details() -> None:
    arrived = foreign(grpc.StatusCode.UNAVAILABLE, "?", ("grpc-status-details-bin", b"\xff\xff\xff"))
    assert type(arrived) is UpstreamDown


def test_a_long_message_is_cut_so_that_it_fits_the_trailers() -> None:
    assert len(over_the_wire(errors.InvalidRequest("x" * 100_000)).message) == 500


def test_the_cause_is_told_in_one_line() -> None:
    assert foreign(grpc.StatusCode.UNAVAILABLE, "connection refused").cause() == "UNAVAILABLE: connection refused"
    error = UpstreamDown("the engine is gone")
    assert error.cause() == ""
    error.__cause__ = OSError("no route to host")
    assert error.cause() == "OSError: no route to host"
