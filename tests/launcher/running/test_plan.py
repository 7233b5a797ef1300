import sys
from collections.abc import Mapping

import pytest

from edge.settings import EdgeSettings
from launcher.processes import EDGE, ORCHESTRATOR, TTS_PROXY, Process
from launcher.running.language_model import LanguageModel
from launcher.running.plan import Plan, plan
from launcher.running.supervise import Child
from mesh.discovery.addresses import HostPort
from mesh.settings import SettingError, load

MODEL = LanguageModel("http://models:8000", "big", "--llm")


def planned(
    environ: Mapping[str, str] | None = None,
    *,
    edge_port: int | None = None,
    port_offset: int = 0,
    llm: LanguageModel | None = None,
    drain_limit_s: float | None = None,
    replicas: Mapping[Process, int] | None = None,
) -> Plan:
    return plan(
        environ or {},
        edge_port=edge_port,
        port_offset=port_offset,
        drain_limit_s=drain_limit_s,
        llm=llm,
        replicas=replicas,
    )


def children(made: Plan) -> dict[str, Child]:
    return {child.name: child for child in made.children}


def ports(made: Plan) -> dict[str, int]:
    return {wanted.use: wanted.port for wanted in made.ports}


def test_the_usual_mesh() -> None:
    made = planned()
    assert ports(made) == {
        "the responder": 8091,
        "the stt-proxy": 50052,
        "the stt-proxy's metrics": 9152,
        "the tts-proxy": 50053,
        "the tts-proxy's metrics": 9153,
        "the voice-service": 50054,
        "the voice-service's metrics": 9154,
        "the orchestrator": 50051,
        "the orchestrator's metrics": 9151,
        "the edge": 8000,
    }
    assert made.edge == HostPort("127.0.0.1", 8000)
    assert made.orchestrator == HostPort("127.0.0.1", 50051)
    assert {wanted.host for wanted in made.ports} == {"127.0.0.1"}


def test_several_of_a_kind() -> None:
    made = planned(replicas={EDGE: 2, ORCHESTRATOR: 3, TTS_PROXY: 2}, port_offset=100)
    assert len({wanted.port for wanted in made.ports}) == len(made.ports)
    wanted = ports(made)
    assert wanted["the edge"] == 8000
    assert "the edge-2" not in wanted, "it shares the first one's port"
    assert (wanted["the edge's metrics"], wanted["the edge-2's metrics"]) == (9250, 9260)
    assert [wanted[f"the orchestrator{number}"] for number in ("", "-2", "-3")] == [50151, 50161, 50171]
    assert wanted["the orchestrator-3's metrics"] == 9271
    by_name = children(made)
    edge = by_name["edge-2"].environ
    assert edge["PARLEY_MESH_ORCHESTRATOR_TARGET"] == "127.0.0.1:50151,127.0.0.1:50161,127.0.0.1:50171"
    shared = [load(EdgeSettings, by_name[name].environ).share_port for name in ("edge", "edge-2")]
    assert shared == [True, True]
    assert by_name["voice-service"].environ["PARLEY_MESH_TTS_TARGET"] == "127.0.0.1:50153,127.0.0.1:50163"
    keys = {by_name[f"orchestrator{number}"].environ["PARLEY_ORCHESTRATOR_CHECKPOINT_KEY"] for number in ("", "-2")}
    assert len(keys) == 1, "any of them resumes the conversations of any"


def test_one_of_a_kind_shares_nothing() -> None:
    by_name = children(planned(replicas={EDGE: 1}))
    assert not load(EdgeSettings, by_name["edge"].environ).share_port


def test_every_process_is_a_child_that_dies_with_its_parent() -> None:
    for child in planned().children:
        assert child.command[:4] == (sys.executable, "-P", "-m", "launcher.running.child")
    assert children(planned())["stt-proxy"].command[-1] == "stt_proxy.main"


@pytest.mark.parametrize(
    ("given", "environ", "edge", "orchestrator"),
    [
        (None, {}, "5.0", "5.0"),
        (None, {"PARLEY_EDGE_DRAIN_LIMIT_S": "60"}, "60.0", "5.0"),
        (None, {"PARLEY_ORCHESTRATOR_DRAIN_LIMIT_S": "60"}, "5.0", "60.0"),
        (2.0, {"PARLEY_EDGE_DRAIN_LIMIT_S": "60"}, "2.0", "2.0"),
    ],
)
def test_a_drain_limit_that_somebody_sets_holds(
    given: float | None, environ: Mapping[str, str], edge: str, orchestrator: str
) -> None:
    made = planned(environ, drain_limit_s=given)
    assert children(made)["edge"].environ["PARLEY_EDGE_DRAIN_LIMIT_S"] == edge
    assert children(made)["orchestrator"].environ["PARLEY_ORCHESTRATOR_DRAIN_LIMIT_S"] == orchestrator
    assert made.drain_limit_s == max(float(edge), float(orchestrator))


def test_a_mesh_beside_the_first_shares_no_port() -> None:
    beside = planned(edge_port=8001, port_offset=10)
    assert not set(ports(planned()).values()) & set(ports(beside).values())
    assert ports(beside)["the edge"] == 8001
    assert ports(beside)["the stt-proxy"] == 50062
    assert ports(beside)["the orchestrator's metrics"] == 9161


def test_the_processes_find_each_other() -> None:
    moved = children(planned(port_offset=10))
    edge, orchestrator = moved["edge"].environ, moved["orchestrator"].environ
    assert edge["PARLEY_MESH_ORCHESTRATOR_TARGET"] == "127.0.0.1:50061"
    assert edge["PARLEY_MESH_VOICES_TARGET"] == "127.0.0.1:50064"
    assert orchestrator["PARLEY_ORCHESTRATOR_PORT"] == "50061"
    assert orchestrator["PARLEY_MESH_STT_TARGET"] == "127.0.0.1:50062"
    assert orchestrator["PARLEY_MESH_TTS_TARGET"] == "127.0.0.1:50063"
    assert moved["responder"].environ["PARLEY_RESPONDER_PORT"] == "8101"
    assert orchestrator["KYUTAI_LLM_URL"] == orchestrator["PARLEY_LLM_URL"] == "http://127.0.0.1:8101"


def test_a_language_model_takes_the_place_of_the_responder() -> None:
    made = planned(llm=MODEL)
    assert "responder" not in children(made)
    assert children(made)["orchestrator"].environ["KYUTAI_LLM_URL"] == "http://models:8000"
    assert children(made)["orchestrator"].environ["KYUTAI_LLM_MODEL"] == "big"


def test_a_model_meant_for_another_server_is_not_asked_of_the_responder() -> None:
    environ = {"KYUTAI_LLM_MODEL": "big"}
    assert children(planned(environ))["orchestrator"].environ["KYUTAI_LLM_MODEL"] == ""


def test_the_environment_is_passed_on_and_obeyed() -> None:
    environ = {"PARLEY_STT_PORT": "6000", "PARLEY_EDGE_PORT": "6001", "COLOUR": "blue"}
    made = planned(environ)
    assert ports(made)["the stt-proxy"] == 6000
    assert ports(made)["the edge"] == 6001
    assert children(made)["edge"].environ["COLOUR"] == "blue"


def test_the_option_goes_before_the_environment() -> None:
    assert ports(planned({"PARLEY_EDGE_PORT": "6001"}, edge_port=6002))["the edge"] == 6002


def test_metrics_that_are_off_stay_off() -> None:
    assert "the stt-proxy's metrics" not in ports(planned({"PARLEY_STT_METRICS_PORT": "0"}, port_offset=10))


def test_conversations_may_go_on_as_long_as_was_said() -> None:
    for child in planned().children:
        assert [value for name, value in child.environ.items() if name.endswith("_DRAIN_LIMIT_S")] == ["5.0"]


def test_a_setting_that_does_not_fit_is_told() -> None:
    with pytest.raises(SettingError, match="PARLEY_STT_PORT"):
        planned({"PARLEY_STT_PORT": "many"})


@pytest.mark.parametrize(("edge_port", "port_offset", "remedy"), [(8001, 0, "--port"), (None, 10, "--port-offset")])
def test_every_port_tells_how_it_is_moved(edge_port: int | None, port_offset: int, remedy: str) -> None:
    moved = {(wanted.port, wanted.remedy) for wanted in planned(edge_port=edge_port, port_offset=port_offset).ports}
    stayed = {(wanted.port, wanted.remedy) for wanted in planned().ports}
    assert {told for _, told in moved - stayed} == {remedy}
