"""Addresses as people write them, and what is really asked."""

from typing import Any
from urllib.parse import urlencode

import httpx2
import openai
import pytest

from mesh.settings import SettingError, load
from orchestrator.llm.address import BadAddress, parse_address, parse_key
from orchestrator.settings import OrchestratorSettings
from tests.orchestrator.llm.addresses import PASTED, PUBLISHED, REFUSED, Published


def asked(written: str) -> str:
    """The URL of the request that is made."""
    address = parse_address(written)
    query = f"?{urlencode(address.query)}" if address.query else ""
    return f"{address.base_url}/chat/completions{query}"


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda each: each.who)
def test_a_published_address_is_understood(published: Published) -> None:
    """With or without a slash, and whether the base URL or the endpoint was copied."""
    base, _, query = published.written.partition("?")
    assert asked(published.written) == published.asked
    assert asked(f"{base.rstrip('/')}/" + (f"?{query}" if query else "")) == published.asked
    assert asked(published.asked) == published.asked


@pytest.mark.parametrize(("written", "expected"), PASTED)
def test_what_is_copied_along_is_trimmed(written: str, expected: str) -> None:
    assert str(httpx2.URL(asked(written))) == str(httpx2.URL(expected))


@pytest.mark.parametrize(("written", "why"), REFUSED)
def test_what_is_no_address_is_refused_with_the_reason(written: str, why: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse_address(written)
    assert why in str(refused.value)
    assert "hush" not in str(refused.value)
    if written:
        with pytest.raises(SettingError) as faulty:
            load(OrchestratorSettings, {"KYUTAI_LLM_URL": written})
        assert why in str(faulty.value)
        assert "hush" not in str(faulty.value)


@pytest.mark.parametrize(
    "written",
    ["sk-1", " sk-1\n", "sk-1\r\n", "'sk-1'", '"sk-1"', "Bearer sk-1", "bearer  sk-1\n", "Authorization: Bearer sk-1"],
)
def test_a_key_is_trimmed(written: str) -> None:
    assert parse_key(written) == "sk-1"
    assert load(OrchestratorSettings, {"KYUTAI_LLM_API_KEY": written}).llm_api_key == "sk-1"


@pytest.mark.parametrize("written", [" \n", "sk hush", "sk-\nhush", "sk-hush…", "sk-hush\u2011x", "sk-hush\0"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(written: str) -> None:
    with pytest.raises(SettingError) as faulty:
        load(OrchestratorSettings, {"KYUTAI_LLM_API_KEY": written})
    assert "KYUTAI_LLM_API_KEY=*** cannot be used: the key" in str(faulty.value)
    assert "hush" not in str(faulty.value)


@pytest.mark.parametrize(
    ("written", "deployment", "header"),
    [
        ("https://me.openai.azure.com/openai/deployments/small?api-version=2024-10-21", "small", "api-key"),
        ("https://gate.example/openai/deployments/my%20one/chat/completions", "my one", "api-key"),
        ("https://me.services.ai.azure.com/models?api-version=2024-05-01-preview", None, "api-key"),
        ("https://me.openai.azure.com/openai/v1/", None, None),
        ("https://api.openai.com/v1", None, None),
    ],
)
def test_azures_own_ways(written: str, deployment: str | None, header: str | None) -> None:
    address = parse_address(written)
    assert (address.deployment, address.key_header) == (deployment, header)


def test_an_address_is_shown_without_its_user() -> None:
    assert parse_address("http://me:hush@llm:1/v1?key=hush").shown == "http://llm:1/v1"


def test_the_sdk_adds_the_route_as_the_table_says() -> None:
    """The rows are about the URL on the wire, which the SDK makes of the base URL."""
    address: dict[str, Any] = {"base_url": parse_address("https://api.groq.com/openai/v1").base_url, "api_key": "x"}
    client = openai.AsyncOpenAI(**address)
    assert str(client._prepare_url("/chat/completions")) == "https://api.groq.com/openai/v1/chat/completions"
