import pytest

from mesh.settings import SettingError, load
from stt_proxy.engine import ENGINES as STT_ENGINES
from stt_proxy.engines.moshi.plugin import MoshiSttSettings
from tts_proxy.engine import ENGINES as TTS_ENGINES
from tts_proxy.engines.moshi.plugin import MoshiTtsSettings


@pytest.mark.parametrize(
    ("environ", "stt", "tts"),
    [
        ({}, False, False),
        ({"KYUTAI_STT_URL": "ws://stt", "KYUTAI_TTS_URL": "ws://tts"}, True, True),
        ({"KYUTAI_TTS_URL": "ws://tts"}, False, True),
        ({"KYUTAI_STT_URL": "ws://stt", "PARLEY_STT_ENGINE": "pocketsphinx"}, False, False),
        ({"PARLEY_STT_ENGINE": "moshi", "PARLEY_TTS_ENGINE": "moshi"}, True, True),
    ],
    ids=["nothing", "urls", "one url", "engine before url", "engines"],
)
def test_when_moshi_is_chosen(environ: dict[str, str], *, stt: bool, tts: bool) -> None:
    assert (STT_ENGINES.choose(environ).plugin.name == "moshi") is stt
    assert (TTS_ENGINES.choose(environ).plugin.name == "moshi") is tts


def test_where_the_servers_are() -> None:
    assert load(MoshiSttSettings, {}).server_urls == ("ws://localhost:8090",)
    assert load(MoshiTtsSettings, {}).server_urls == ("ws://localhost:8089",)
    several = load(MoshiSttSettings, {"KYUTAI_STT_URL": "ws://a:1, ws://b:2"})
    assert several.server_urls == ("ws://a:1", "ws://b:2")


def test_the_key_is_unmutes_by_default_and_never_shown() -> None:
    assert load(MoshiSttSettings, {}).api_key == "public_token"
    settings = load(MoshiTtsSettings, {"KYUTAI_API_KEY": "k3y"})
    assert settings.api_key == "k3y"
    assert "k3y" not in repr(settings)


@pytest.mark.parametrize("key", ["with space", "line\nbreak", "é"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingError) as caught:
        load(MoshiSttSettings, {"KYUTAI_API_KEY": key})
    assert key not in str(caught.value)
