"""The orchestrator's settings, and what its HTTP clients have in common."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from mesh.settings import MetricsPort, Port, ServiceSettings, setting

LOOPBACK_WITHOUT_PROXY = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
"""The `mounts` of an HTTP client: a proxy that the environment names is for the way out, not for this machine.

None for a pattern means that what fits it goes directly.
"""


class OrchestratorSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the orchestrator."""

    env_prefix: ClassVar[str] = "PARLEY_ORCHESTRATOR_"

    port: Port = 50051
    metrics_port: MetricsPort = 9151
    stt_target: Annotated[
        str,
        setting(help="Where speech recognition is: host:port, dns:///host:port or a list.", env="PARLEY_STT_TARGET"),
    ] = "127.0.0.1:50052"
    tts_target: Annotated[
        str, setting(help="Where speech synthesis is: host:port, dns:///host:port or a list.", env="PARLEY_TTS_TARGET")
    ] = "127.0.0.1:50053"
    llm_url: Annotated[
        str,
        setting(
            help="The OpenAI-compatible server that writes replies, with or without its /v1.",
            env=("PARLEY_LLM_URL", "KYUTAI_LLM_URL"),
            min_length=1,
        ),
    ] = "http://127.0.0.1:8091"
    llm_model: Annotated[
        str | None,
        setting(
            help="Which of its models to ask; left out: the only one it lists.",
            env=("PARLEY_LLM_MODEL", "KYUTAI_LLM_MODEL"),
        ),
    ] = None
    llm_api_key: Annotated[
        str | None,
        setting(help="The key it wants.", env=("PARLEY_LLM_API_KEY", "KYUTAI_LLM_API_KEY"), secret=True),
    ] = None
    llm_reasoning: Annotated[
        Literal["off", "auto"],
        setting(
            help="Whether the model may think before it answers. off: it is asked not to, where the server allows.",
            env="PARLEY_LLM_REASONING",
        ),
    ] = "off"
    llm_thinking_text: Annotated[
        str,
        setting(
            help="What is said when it has been thinking for four seconds; a blank: nothing.",
            env="PARLEY_LLM_THINKING_TEXT",
            max_length=200,
        ),
    ] = "Let me think…"
    llm_extra_body: Annotated[
        dict[str, Any] | None,
        setting(help="More fields of each request to it, before all others.", env="PARLEY_LLM_EXTRA_BODY"),
    ] = None
    llm_first_token_s: Annotated[
        float, setting(help="How many seconds the language model may take to begin, tries included.", gt=0, le=600)
    ] = 15.0
    llm_next_token_s: Annotated[
        float, setting(help="How many seconds the language model may pause while it writes, or thinks.", gt=0, le=600)
    ] = 10.0
    llm_thinking_s: Annotated[
        float, setting(help="How many seconds a model that is seen to think may take to begin.", gt=0, le=600)
    ] = 45.0
    characters_folder: Annotated[
        str | None,
        setting(
            help="A folder of texts that replace Parley's own of the same name in orchestrator/prompts/characters.",
            env="PARLEY_CHARACTERS_FOLDER",
        ),
    ] = None
    recordings_folder: Annotated[
        str | None,
        setting(
            help="Where conversations are recorded whose people consent; left out: nothing is recorded.",
            env=("PARLEY_RECORDINGS_FOLDER", "KYUTAI_RECORDINGS_DIR"),
        ),
    ] = None
    recording_limit_mib: Annotated[
        int, setting(help="The most that one recording may have, in MiB; the rest is left out.", ge=1, le=1 << 20)
    ] = 256
    newsapi_api_key: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[!-~]+$")] | None,
        setting(
            help="The key for NewsAPI, which the news character reads; left out: it makes small talk instead.",
            env=("PARLEY_NEWSAPI_API_KEY", "NEWSAPI_API_KEY"),
            secret=True,
        ),
    ] = None
    newsapi_url: Annotated[str, setting(help="Where NewsAPI is.", env="PARLEY_NEWSAPI_URL", pattern="^https?://.")] = (
        "https://newsapi.org"
    )
    news_limit_s: Annotated[float, setting(help="How many seconds fetching the news may take.", gt=0, le=60)] = 3.0
    idle_limit_s: Annotated[
        float, setting(help="How many seconds a client may send nothing before it is taken for gone.", gt=0)
    ] = 600.0
    stall_limit_s: Annotated[
        float, setting(help="How many seconds a client may leave unread what it is sent.", gt=0)
    ] = 20.0
