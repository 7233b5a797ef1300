"""The orchestrator's settings."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from mesh.settings import MetricsPort, Port, ServiceSettings, setting
from orchestrator.llm.address import checked_url, parse_key, parse_keys


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
            help="URL of the OpenAI-compatible server that writes the replies, as its provider gives it.",
            env=("PARLEY_LLM_URL", "KYUTAI_LLM_URL"),
            parse=checked_url,
        ),
    ] = "http://127.0.0.1:8091"
    llm_model: Annotated[
        str | None,
        setting(
            help="Model to use. Not set: the only model that the server lists.",
            env=("PARLEY_LLM_MODEL", "KYUTAI_LLM_MODEL"),
            parse=str.strip,
        ),
    ] = None
    llm_api_key: Annotated[
        str | None,
        setting(
            help="API key for the language model.",
            env=("PARLEY_LLM_API_KEY", "KYUTAI_LLM_API_KEY"),
            secret=True,
            parse=parse_key,
        ),
    ] = None
    llm_fallback_urls: Annotated[
        tuple[str, ...],
        setting(
            help="URLs of further servers, in the order in which they are asked when those before fail or are late.",
            env="PARLEY_LLM_FALLBACK_URLS",
        ),
    ] = ()
    llm_fallback_models: Annotated[
        tuple[str, ...],
        setting(
            help="Model to use on each of these servers. Not set: the only model that each lists.",
            env="PARLEY_LLM_FALLBACK_MODELS",
        ),
    ] = ()
    llm_fallback_api_keys: Annotated[
        tuple[str, ...],
        setting(
            help="API keys, one for each of these servers; none: it wants no key. Not set: none of them does.",
            env="PARLEY_LLM_FALLBACK_API_KEYS",
            secret=True,
            parse=parse_keys,
        ),
    ] = ()
    llm_ca_file: Annotated[
        str | None,
        setting(
            help="PEM file of authorities to trust for the language model's server, beside the machine's own.",
            env="PARLEY_LLM_CA_FILE",
        ),
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
    ] = 5.0
    llm_slow_s: Annotated[
        float,
        setting(
            help="Seconds without a word of an answer until the user is asked to wait.",
            env="PARLEY_LLM_SLOW_AFTER_S",
            gt=0,
            le=600,
        ),
    ] = 3.0
    llm_thinking_s: Annotated[
        float,
        setting(
            help="Seconds until the first token of an answer for a model that reasons.",
            env="PARLEY_LLM_THINKING_LIMIT_S",
            gt=0,
            le=600,
        ),
    ] = 45.0
    llm_reply_words: Annotated[
        int,
        setting(
            help="Words after which a reply ends with its sentence. A very long word counts as several.",
            env="PARLEY_LLM_REPLY_LIMIT",
            ge=1,
        ),
    ] = 600
    llm_reply_s: Annotated[
        float,
        setting(
            help="Seconds of speech, or of writing, after which a reply ends with its sentence.",
            env="PARLEY_LLM_REPLY_LIMIT_S",
            gt=0,
        ),
    ] = 240.0
    checkpoint_key: Annotated[
        Annotated[str, msgspec.Meta(min_length=16)] | None,
        setting(
            help="Key that signs checkpoints, the same for all orchestrators. Not set: each resumes only its own.",
            secret=True,
        ),
    ] = None
    speculative_start: Annotated[
        bool,
        setting(
            help="Whether a reply is prepared when the user pauses, before the last words are certain. "
            "It is dropped if they say more."
        ),
    ] = True
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
    overload_lag_s: Annotated[
        float,
        setting(
            help="Seconds of event-loop lag (median of 2 s) from which new conversations are refused. So they are by a "
            "process that was idle for less than 10 % of 2 s. 0: never.",
            ge=0,
            le=10,
        ),
    ] = 0.25
    typed_capacity: Annotated[
        int,
        setting(
            help="Maximum number of concurrent typed conversations. Spoken ones are limited by the recognisers.",
            ge=1,
            le=100_000,
        ),
    ] = 64
    voice_wait_s: Annotated[
        float,
        setting(
            help="Seconds that a reply waits for speech synthesis while all of it is taken. Then the reply is dropped.",
            env="PARLEY_ORCHESTRATOR_VOICE_WAIT_LIMIT_S",
            gt=0,
            le=600,
        ),
    ] = 20.0
    unused_recognizer_s: Annotated[
        float,
        setting(
            help="Seconds without audio before a client's recogniser is given back. The next audio takes another.",
            env="PARLEY_ORCHESTRATOR_UNUSED_RECOGNIZER_LIMIT_S",
            ge=2,
            le=3_600,
        ),
    ] = 15.0
    idle_limit_s: Annotated[
        float, setting(help="Seconds without any message from a client before the conversation is closed.", gt=0)
    ] = 600.0
    stall_limit_s: Annotated[
        float, setting(help="Seconds that a client may leave messages unread before the conversation is closed.", gt=0)
    ] = 20.0
