"""The client of servers with OpenAI's audio API (Speaches, Kokoro-FastAPI, LocalAI, vLLM, OpenAI), of both proxies."""
