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
        setting(
            help="Address of speech recognition: host:port, dns:///host:port or a list.", env="PARLEY_MESH_STT_TARGET"
        ),
    ] = "127.0.0.1:50052"
    tts_target: Annotated[
        str,
        setting(
            help="Address of speech synthesis: host:port, dns:///host:port or a list.", env="PARLEY_MESH_TTS_TARGET"
        ),
    ] = "127.0.0.1:50053"
    llm_url: Annotated[
        str,
        setting(
            help="URL of the OpenAI-compatible server that writes the replies, with or without /v1.",
            env=("PARLEY_LLM_URL", "KYUTAI_LLM_URL"),
            min_length=1,
        ),
    ] = "http://127.0.0.1:8091"
    llm_model: Annotated[
        str | None,
        setting(
            help="Model to use. Not set: the only model that the server lists.",
            env=("PARLEY_LLM_MODEL", "KYUTAI_LLM_MODEL"),
        ),
    ] = None
    llm_api_key: Annotated[
        str | None,
        setting(help="API key for the language model.", env=("PARLEY_LLM_API_KEY", "KYUTAI_LLM_API_KEY"), secret=True),
    ] = None
    llm_reasoning: Annotated[
        Literal["off", "auto"],
        setting(
            help="Whether the model may reason before it answers. off: the server is asked to disable reasoning.",
            env="PARLEY_LLM_REASONING",
        ),
    ] = "off"
    llm_thinking_text: Annotated[
        str,
        setting(
            help="Text spoken when the model has been reasoning for four seconds. A blank: nothing is spoken.",
            env="PARLEY_LLM_THINKING_TEXT",
            max_length=200,
        ),
    ] = "Let me think…"
    llm_extra_body: Annotated[
        dict[str, Any] | None,
        setting(
            help="Additional fields for each request to the language model. They override all others.",
            env="PARLEY_LLM_EXTRA_BODY",
        ),
    ] = None
    llm_first_token_s: Annotated[
        float,
        setting(
            help="Seconds until the first token of an answer, retries included.",
            env="PARLEY_LLM_FIRST_TOKEN_LIMIT_S",
            gt=0,
            le=600,
        ),
    ] = 15.0
    llm_next_token_s: Annotated[
        float,
        setting(help="Seconds between two tokens of an answer.", env="PARLEY_LLM_NEXT_TOKEN_LIMIT_S", gt=0, le=600),
    ] = 10.0
    llm_thinking_s: Annotated[
        float,
        setting(
            help="Seconds until the first token of an answer for a model that reasons.",
            env="PARLEY_LLM_THINKING_LIMIT_S",
            gt=0,
            le=600,
        ),
    ] = 45.0
    characters_folder: Annotated[
        str | None,
        setting(
            help="Folder of prompt texts that replace those of the same name in orchestrator/prompts/characters.",
            env="PARLEY_CHARACTERS_FOLDER",
        ),
    ] = None
    recordings_folder: Annotated[
        str | None,
        setting(
            help="Folder for recordings of conversations whose users consent. Not set: nothing is recorded.",
            env=("PARLEY_RECORDINGS_FOLDER", "KYUTAI_RECORDINGS_DIR"),
        ),
    ] = None
    recording_limit_mib: Annotated[
        int,
        setting(
            help="Maximum size of one recording in MiB. Recording stops there.",
            env="PARLEY_RECORDINGS_LIMIT_MIB",
            ge=1,
            le=1 << 20,
        ),
    ] = 256
    newsapi_api_key: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[!-~]+$")] | None,
        setting(
            help="API key for NewsAPI, which the news character uses. Not set: that character makes small talk.",
            env=("PARLEY_NEWS_API_KEY", "NEWSAPI_API_KEY"),
            secret=True,
        ),
    ] = None
    newsapi_url: Annotated[str, setting(help="URL of NewsAPI.", env="PARLEY_NEWS_URL", pattern="^https?://.")] = (
        "https://newsapi.org"
    )
    news_limit_s: Annotated[
        float,
        setting(help="Seconds that fetching the news may take.", env="PARLEY_NEWS_LIMIT_S", gt=0, le=60),
    ] = 3.0
    idle_limit_s: Annotated[
        float, setting(help="Seconds without any message from a client before the conversation is closed.", gt=0)
    ] = 600.0
    stall_limit_s: Annotated[
        float, setting(help="Seconds that a client may leave messages unread before the conversation is closed.", gt=0)
    ] = 20.0
