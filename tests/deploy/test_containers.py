"""The services of compose.yaml, run exactly as it says but for the container."""

import signal
from collections.abc import Iterator

import pytest

from tests.deploy.containers import POSSIBLE, Composition, composed
from tests.requirements import required
from tests.whisper_base import whisper_base

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.containers,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not POSSIBLE and not required("containers"),
        reason="needs root and iproute2 for network namespaces; `tox -e containers` runs this",
    ),
]


@pytest.fixture(scope="module")
def composition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    folder = tmp_path_factory.mktemp("logs")
    if model := whisper_base():
        # What the volume holds after the first start. The namespaces reach no other network.
        (folder / "models").symlink_to(model.parent)
    with composed(folder, scale={"tts-proxy": 3}) as running:
        yield running


def say(composition: Composition) -> str:
    return composition.parley("say", "What is your name?", "--target", "orchestrator:50051")


def test_every_service_becomes_healthy_and_a_turn_is_answered(composition: Composition) -> None:
    assert "parley:" in say(composition)


def test_it_hears_and_speaks_with_the_default_engines(composition: Composition) -> None:
    [stt] = composition.of("stt-proxy")
    # Without the model Whisper is chosen too, and then another listens in its place.
    chosen = '"engine":"whisper"' if whisper_base() else '"by":"pocketsphinx"'
    assert chosen in stt.log.read_text().replace(": ", ":")
    for tts in composition.of("tts-proxy"):
        assert '"engine":"local"' in tts.log.read_text().replace(": ", ":")


def test_replicas_share_the_work(composition: Composition) -> None:
    for _ in range(8):
        say(composition)
    busy = [each for each in composition.of("tts-proxy") if "reply spoken" in each.log.read_text()]
    assert len(busy) >= 2


def test_a_replica_that_dies_is_not_missed(composition: Composition) -> None:
    dead = composition.of("tts-proxy")[0]
    dead.stop(signal.SIGKILL)
    assert not dead.is_healthy()
    for _ in range(3):
        assert "parley:" in say(composition)


def test_a_stop_is_obeyed(composition: Composition) -> None:
    for service in ("edge", "orchestrator", "stt-proxy", "voice-service", "responder"):
        [container] = composition.of(service)
        # uvicorn ends the responder by the signal it was sent, once it is done.
        assert container.stop() in (0, -signal.SIGTERM), container.log.read_text()
