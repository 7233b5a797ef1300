import pytest

from mesh.settings import SettingError, describe, load
from orchestrator.settings import OrchestratorSettings


def test_defaults_fit_a_mesh_on_one_machine() -> None:
    settings = load(OrchestratorSettings, {})
    assert (settings.port, settings.metrics_port) == (50051, 9151)
    assert (settings.stt_target, settings.tts_target) == ("127.0.0.1:50052", "127.0.0.1:50053")
    assert settings.llm_url == "http://127.0.0.1:8091"
    assert (settings.llm_model, settings.llm_api_key) == (None, None)
    assert settings.recordings_folder is None


@pytest.mark.parametrize(
    ("variable", "field", "value"),
    [
        ("PARLEY_ORCHESTRATOR_PORT", "port", 1),
        ("PARLEY_MESH_STT_TARGET", "stt_target", "stt:1,stt:2"),
        ("PARLEY_MESH_TTS_TARGET", "tts_target", "dns:///tts:1"),
        ("KYUTAI_LLM_URL", "llm_url", "http://llm"),
        ("PARLEY_LLM_URL", "llm_url", "http://llm"),
        ("KYUTAI_LLM_MODEL", "llm_model", "m"),
        ("KYUTAI_LLM_API_KEY", "llm_api_key", "k3y"),
        ("NEWSAPI_API_KEY", "newsapi_api_key", "k3y"),
        ("PARLEY_NEWS_URL", "newsapi_url", "http://news"),
        ("PARLEY_CHARACTERS_FOLDER", "characters_folder", "/mine"),
        ("PARLEY_RECORDINGS_FOLDER", "recordings_folder", "/kept"),
        ("KYUTAI_RECORDINGS_DIR", "recordings_folder", "/kept"),
        ("PARLEY_RECORDINGS_LIMIT_MIB", "recording_limit_mib", 9),
        ("PARLEY_LLM_FIRST_TOKEN_LIMIT_S", "llm_first_token_s", 1.5),
        ("PARLEY_ORCHESTRATOR_IDLE_LIMIT_S", "idle_limit_s", 1.0),
    ],
)
def test_each_is_read_from_its_variable(variable: str, field: str, value: object) -> None:
    assert getattr(load(OrchestratorSettings, {variable: str(value)}), field) == value


def test_the_key_is_never_shown() -> None:
    settings = load(OrchestratorSettings, {"KYUTAI_LLM_API_KEY": "k3y"})
    assert "k3y" not in repr(settings)
    assert [each.name for each in describe(OrchestratorSettings) if each.secret] == [
        "llm_api_key",
        "llm_fallback_api_keys",
        "checkpoint_key",
        "newsapi_api_key",
    ]


@pytest.mark.parametrize("field", ["LLM_FIRST_TOKEN_S", "LLM_NEXT_TOKEN_S", "IDLE_LIMIT_S", "STALL_LIMIT_S"])
def test_no_limit_is_zero(field: str) -> None:
    with pytest.raises(SettingError, match=f"PARLEY_ORCHESTRATOR_{field}=0"):
        load(OrchestratorSettings, {f"PARLEY_ORCHESTRATOR_{field}": "0"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("NEWSAPI_API_KEY", "two words"), ("NEWSAPI_API_KEY", "cl\u00e9"), ("PARLEY_NEWS_URL", "newsapi.org")],
)
def test_what_http_cannot_carry_is_refused_at_the_start(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable) as refused:
        load(OrchestratorSettings, {variable: value})
    assert variable != "NEWSAPI_API_KEY" or value not in str(refused.value)
