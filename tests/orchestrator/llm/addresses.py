# ruff: noqa: E501 - a row of the table is a line
"""Base URLs and endpoints of providers and programs, as their documents have them, and what is asked."""

from typing import NamedTuple


class Published(NamedTuple):
    """An address as somebody publishes it, the URL that is asked, and the page that says so."""

    who: str
    written: str
    asked: str
    source: str


PUBLISHED = [
    Published("OpenAI", "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions", "platform.openai.com/docs/api-reference/chat"),
    Published("Gemini", "https://generativelanguage.googleapis.com/v1beta/openai/", "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", "ai.google.dev/gemini-api/docs/openai"),
    Published("Vertex AI", "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/endpoints/openapi", "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/endpoints/openapi/chat/completions", "cloud.google.com/vertex-ai/generative-ai/docs/start/openai"),
    Published("Azure", "https://me.openai.azure.com/openai/v1/", "https://me.openai.azure.com/openai/v1/chat/completions", "learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle"),
    Published("Azure, the resource alone", "https://me.openai.azure.com/", "https://me.openai.azure.com/openai/v1/chat/completions", "learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle"),
    Published("Azure, a deployment", "https://me.openai.azure.com/openai/deployments/small/chat/completions?api-version=2024-10-21", "https://me.openai.azure.com/openai/deployments/small/chat/completions?api-version=2024-10-21", "learn.microsoft.com/azure/ai-foundry/openai/reference"),
    Published("Azure AI Foundry", "https://me.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview", "https://me.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview", "learn.microsoft.com/azure/ai-foundry/model-inference"),
    Published("Mistral", "https://api.mistral.ai/v1", "https://api.mistral.ai/v1/chat/completions", "docs.mistral.ai/api"),
    Published("Groq", "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1/chat/completions", "console.groq.com/docs/openai"),
    Published("OpenRouter", "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions", "openrouter.ai/docs/quickstart"),
    Published("Together", "https://api.together.xyz/v1", "https://api.together.xyz/v1/chat/completions", "docs.together.ai/docs/openai-api-compatibility"),
    Published("DeepSeek", "https://api.deepseek.com", "https://api.deepseek.com/v1/chat/completions", "api-docs.deepseek.com"),
    Published("xAI", "https://api.x.ai/v1", "https://api.x.ai/v1/chat/completions", "docs.x.ai/docs/api-reference"),
    Published("Anthropic", "https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/chat/completions", "docs.anthropic.com/en/api/openai-sdk"),
    Published("Cohere", "https://api.cohere.ai/compatibility/v1", "https://api.cohere.ai/compatibility/v1/chat/completions", "docs.cohere.com/docs/compatibility-api"),
    Published("Perplexity", "https://api.perplexity.ai", "https://api.perplexity.ai/chat/completions", "docs.perplexity.ai/api-reference/chat-completions-post"),
    Published("Fireworks", "https://api.fireworks.ai/inference/v1", "https://api.fireworks.ai/inference/v1/chat/completions", "docs.fireworks.ai/tools-sdks/openai-compatibility"),
    Published("DeepInfra", "https://api.deepinfra.com/v1/openai", "https://api.deepinfra.com/v1/openai/chat/completions", "deepinfra.com/docs/openai_api"),
    Published("Cerebras", "https://api.cerebras.ai/v1", "https://api.cerebras.ai/v1/chat/completions", "inference-docs.cerebras.ai/resources/openai"),
    Published("NVIDIA", "https://integrate.api.nvidia.com/v1", "https://integrate.api.nvidia.com/v1/chat/completions", "docs.api.nvidia.com/nim/reference"),
    Published("Hugging Face", "https://router.huggingface.co/v1", "https://router.huggingface.co/v1/chat/completions", "huggingface.co/docs/inference-providers"),
    Published("GitHub Models", "https://models.github.ai/inference", "https://models.github.ai/inference/chat/completions", "docs.github.com/en/rest/models/inference"),
    Published("Bedrock", "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/chat/completions", "docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html"),
    Published("Databricks", "https://me.cloud.databricks.com/serving-endpoints", "https://me.cloud.databricks.com/serving-endpoints/chat/completions", "docs.databricks.com/machine-learning/model-serving"),
    Published("Cloudflare", "https://api.cloudflare.com/client/v4/accounts/me/ai/v1", "https://api.cloudflare.com/client/v4/accounts/me/ai/v1/chat/completions", "developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility"),
    Published("Cloudflare's gateway", "https://gateway.ai.cloudflare.com/v1/me/gate/compat", "https://gateway.ai.cloudflare.com/v1/me/gate/compat/chat/completions", "developers.cloudflare.com/ai-gateway/usage/chat-completion"),
    Published("DashScope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions", "help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope"),
    Published("Zhipu", "https://open.bigmodel.cn/api/paas/v4/", "https://open.bigmodel.cn/api/paas/v4/chat/completions", "docs.bigmodel.cn/cn/guide/develop/openai/introduction"),
    Published("Volcengine", "https://ark.cn-beijing.volces.com/api/v3", "https://ark.cn-beijing.volces.com/api/v3/chat/completions", "www.volcengine.com/docs/82379"),
    Published("Qianfan", "https://qianfan.baidubce.com/v2", "https://qianfan.baidubce.com/v2/chat/completions", "cloud.baidu.com/doc/qianfan-api"),
    Published("Moonshot", "https://api.moonshot.ai/v1", "https://api.moonshot.ai/v1/chat/completions", "platform.moonshot.ai/docs"),
    Published("Ollama", "http://localhost:11434", "http://localhost:11434/v1/chat/completions", "docs.ollama.com/api/openai-compatibility"),
    Published("Ollama's own API", "http://localhost:11434/api/chat", "http://localhost:11434/v1/chat/completions", "docs.ollama.com/api"),
    Published("vLLM", "http://localhost:8000/v1", "http://localhost:8000/v1/chat/completions", "docs.vllm.ai/en/latest/serving/openai_compatible_server"),
    Published("SGLang", "http://127.0.0.1:30000/v1", "http://127.0.0.1:30000/v1/chat/completions", "docs.sglang.ai/basic_usage/openai_api"),
    Published("llama.cpp", "http://localhost:8080/v1", "http://localhost:8080/v1/chat/completions", "github.com/ggml-org/llama.cpp/tree/master/tools/server"),
    Published("LM Studio", "http://localhost:1234/v1/", "http://localhost:1234/v1/chat/completions", "lmstudio.ai/docs/developer/openai-compat"),
    Published("LocalAI", "http://localhost:8080/v1", "http://localhost:8080/v1/chat/completions", "localai.io/features/text-generation"),
    Published("LiteLLM", "http://0.0.0.0:4000", "http://0.0.0.0:4000/v1/chat/completions", "docs.litellm.ai/docs/simple_proxy"),
    Published("Docker Model Runner", "http://localhost:12434/engines/v1", "http://localhost:12434/engines/v1/chat/completions", "docs.docker.com/ai/model-runner/api-reference"),
    Published("Open WebUI", "http://localhost:3000/api/chat/completions", "http://localhost:3000/api/chat/completions", "docs.openwebui.com/getting-started/api-endpoints"),
    Published("a proxy below a path", "https://gate.example/llm", "https://gate.example/llm/v1/chat/completions", "Parley, so far"),
]  # fmt: skip

PASTED = [
    ("http://llm:1/v1/chat/completions", "http://llm:1/v1/chat/completions"),
    ("http://llm:1/v1/completions", "http://llm:1/v1/chat/completions"),
    ("http://llm:1/v1/responses/", "http://llm:1/v1/chat/completions"),
    ("http://llm:1/v1/models", "http://llm:1/v1/chat/completions"),
    ("http://llm:1//v1//", "http://llm:1/v1/chat/completions"),
    ("http://llm:1/\n", "http://llm:1/v1/chat/completions"),
    (" http://llm:1\r\n", "http://llm:1/v1/chat/completions"),
    ("'http://llm:1/v1'", "http://llm:1/v1/chat/completions"),
    ('"http://llm:1/v1"', "http://llm:1/v1/chat/completions"),
    ("<http://llm:1/v1>", "http://llm:1/v1/chat/completions"),
    ("\ufeffhttp://llm:1/v1\u200b", "http://llm:1/v1/chat/completions"),
    ("http://llm:1/v1#chat", "http://llm:1/v1/chat/completions"),
    ("HTTP://LLM:1", "http://llm:1/v1/chat/completions"),
    ("http://[::1]:11434", "http://[::1]:11434/v1/chat/completions"),
    ("http://me:hush@llm:1", "http://me:hush@llm:1/v1/chat/completions"),
    ("http://llm:1?api-version=preview&x=", "http://llm:1/v1/chat/completions?api-version=preview&x="),
]
"""What people paste, and what is asked."""

REFUSED = [
    ("", "it is blank"),
    (" \n", "it is blank"),
    ("llm:8080", "it does not begin with http:// or https://; is it http://llm:8080?"),
    ("me:hush@llm:8080", "is it http://llm:8080?"),
    ("localhost:11434/v1", "is it http://localhost:11434/v1?"),
    ("/v1", "it does not begin with"),
    ("ws://llm:8080", "it begins with ws://"),
    ("ftp://llm", "it begins with ftp://"),
    ("http://", "it names no host"),
    ("http:///v1", "it names no host"),
    ("http://llm:port", "its host or port cannot be read"),
    ("http://llm:99999", "its host or port cannot be read"),
    ("http://[::1", "its host or port cannot be read"),
    ("http://llm:1/v1 # the big one", "a blank or a line end inside"),
    ("http://llm:1\nhttp://llm:2", "a blank or a line end inside"),
    (f"http://{'x' * 70}.example", "its host is no name"),
]
"""What cannot be an address, and what is said of it."""
