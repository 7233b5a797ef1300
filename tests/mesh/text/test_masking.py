"""Credentials are hidden wherever they stand, and nothing else is."""

from typing import Any

import pytest

from mesh.text.masking import masked, masked_value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hush@llm.example:8443/v1", "https://***@llm.example:8443/v1"),
        ("redis://:hush@cache:6379/0", "redis://***@cache:6379/0"),
        ("http://hush@llm/v1", "http://***@llm/v1"),
        ("http://me:hu/sh@llm/v1", "http://***@llm/v1"),
        ("http://me:hu@sh@llm/v1", "http://***@llm/v1"),
        ("http://me:hush@[::1]:8080/v1", "http://***@[::1]:8080/v1"),
        ("http://me:hush@one:1,http://me:hush@two:2", "http://***@one:1,http://***@two:2"),
        ("'http://me:hush@llm/v1' is not one", "'http://***@llm/v1' is not one"),
        ("me:hush@llm:8080", "***@llm:8080"),
        ("KYUTAI_LLM_URL=me:hush@llm.example/v1 is no URL", "KYUTAI_LLM_URL=***@llm.example/v1 is no URL"),
        ("https://llm/v1?key=hush", "https://llm/v1?key=***"),
        ("https://llm/v1?api-version=2024-10-21&api-key=hush#x", "https://llm/v1?api-version=2024-10-21&api-key=***#x"),
        ("https://llm/v1?API_KEY=hush&a=b", "https://llm/v1?API_KEY=***&a=b"),
        ("https://llm/v1?access_token=hush", "https://llm/v1?access_token=***"),
        ("https://llm/v1?subscription-key=hush", "https://llm/v1?subscription-key=***"),
        ("https://llm/v1?sv=1&sig=hush", "https://llm/v1?sv=1&sig=***"),
        ("Authorization: Bearer sk-hush-hush", "Authorization: Bearer ***"),
        ('{"api_key": "hush", "top_p": 0.9', '{"api_key": "***", "top_p": 0.9'),
        ('{"headers": {"x-api-key": "hu\\"sh"}}', '{"headers": {"x-api-key": "***"}}'),
        ("{'token': 'hush", "{'token': \"***\""),
    ],
)
def test_a_credential_is_hidden(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://127.0.0.1:8091",
        "http://[::1]:8091/v1?api-version=preview",
        "https://openrouter.ai/api/v1",
        "mail me@example.org about https://example.org/@me",
        "https://example.org/@me/notes",
        "dns:///llm:50051",
        "bearer of news",
        "mailto:me@example.org, at 10:30@noon",
        "key=value",
        '{"max_tokens": 7, "stop": ["token"]}',
    ],
)
def test_nothing_else_is_changed(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"api_key": "hush", "top_p": 0.9}, {"api_key": "***", "top_p": 0.9}),
        ({"headers": {"Authorization": "Bearer hush"}}, {"headers": {"Authorization": "***"}}),
        ({"tools": [{"url": "https://me:hush@tool"}]}, {"tools": [{"url": "https://***@tool"}]}),
        ({"max_tokens": 7, "max_completion_tokens": 9}, {"max_tokens": 7, "max_completion_tokens": 9}),
        ({"password": ""}, {"password": ""}),
        (("http://me:hush@a", "b"), ("http://***@a", "b")),
        (None, None),
        (7, 7),
    ],
)
def test_values_of_settings(value: Any, shown: Any) -> None:
    assert masked_value(value) == shown
