# ruff: noqa: E501, RUF001 - a row of the table is a line; DeepSeek's marks have bars of their own
"""How servers answer: one table of streams, endings and refusals, each with where it was seen or is documented.

The stand-in plays every row by its name, and the tests of the client ask for every row.
"""

import json
import re
from typing import Any, NamedTuple


def chunk(content: Any = None, ending: str | None = None, index: int = 0, **delta: Any) -> bytes:
    """Return one event of a stream."""
    fields = delta if content is None else {"content": content, **delta}
    return event({"choices": [{"index": index, "delta": fields, "finish_reason": ending}]})


def event(found: Any) -> bytes:
    """Return an object as an event."""
    return b"data: " + json.dumps(found).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


class Answer(NamedTuple):
    """One answer at HTTP 200, what of it is to be said, and the problem to be told, if there is one."""

    source: str
    body: tuple[bytes, ...]
    said: str
    problem: str | None = None
    stays_open: bool = False
    """The server does not end the response."""
    content_type: str = "text/event-stream"
    repeated: tuple[bytes, ...] = ()
    """What the server sends after `body`, over and over, until the client leaves."""

    @property
    def name(self) -> str:
        """What the stand-in is asked for: "OpenRouter: comments" → "openrouter-comments"."""
        return named(self.source)


def named(source: str) -> str:
    """The name of a row."""
    return re.sub(r"\W+", "-", source.lower()).strip("-")


BROKEN_OFF = "the language model broke off"
WITH_AN_ERROR = "the language model broke off with an error"
LIMIT = "the language model reached its limit of tokens"
WITHHELD = "the language model's server withheld its answer"
TOOL = "the language model called a tool that it was not offered"

_NOON = (chunk("It is "), chunk("noon."), chunk(ending="stop"))
_WHOLE = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is noon."}, "finish_reason": "stop"}]
}

SHAPES = [
    Answer("HTML standard: a retry field alone", (b"retry: 3000\n\n", *_NOON, DONE), "It is noon."),
    Answer("Anthropic: pings", (b"event: ping\n\n", _NOON[0], b"event: ping\ndata:\n\n", *_NOON[1:]), "It is noon."),
    Answer("HTML standard: empty data", (b"data:\n\n", _NOON[0], b"data: \n\n", *_NOON[1:], DONE), "It is noon."),
    Answer("OpenRouter: comments", (b": OPENROUTER PROCESSING\n\n", *_NOON, DONE), "It is noon."),
    Answer("HTML standard: id, CRLF", (b"id: 7\r\n\r\n", _NOON[0].replace(b"\n", b"\r\n"), *_NOON[1:]), "It is noon."),
    Answer("one line end between events", (*(each[:-1] for each in _NOON), b"data: [DONE]\n"), "It is noon."),
    Answer("Azure: content filter results first", (event({"choices": [], "prompt_filter_results": [{}]}), *_NOON), "It is noon."),
    Answer("a choice without delta", (_NOON[0], event({"choices": [{"index": 0}]}), *_NOON[1:]), "It is noon."),
    Answer("a null delta", (_NOON[0], event({"choices": [{"index": 0, "delta": None}]}), *_NOON[1:]), "It is noon."),
    Answer("Mistral: parts without text", (chunk([{"type": "reference", "reference_ids": [1]}, {}]), *_NOON), "It is noon."),
    Answer("OpenAI: n=2", (_NOON[0], chunk("Go ", index=1), _NOON[1], chunk("away.", "stop", 1), _NOON[2]), "It is noon."),
    Answer("Perplexity: message beside delta", (
        event({"choices": [{"delta": {"content": "It is noon."}, "message": {"content": "It is noon."}}]}),
        event({"choices": [{"message": {"content": "It is noon."}, "finish_reason": "stop"}]}),
    ), "It is noon."),
    Answer("DashScope: the text null as reason", (chunk("It is ", "null"), chunk("noon.", ""), chunk(ending="stop")), "It is noon."),
    Answer("Gemini: STOP with every chunk", (chunk("It is ", "STOP"), chunk("noon.", "STOP"), DONE), "It is noon."),
    Answer("a proxy that holds connections", _NOON, "It is noon.", stays_open=True),
    Answer("the same, with [DONE]", (*_NOON, DONE), "It is noon.", stays_open=True),
    Answer("vLLM: the reason with the last text", (chunk("It is "), chunk("noon", "stop")), "It is noon", stays_open=True),
    Answer("no reason, but [DONE]", (chunk("It is "), chunk("noon"), DONE), "It is noon"),
    Answer("neither, but a whole sentence", (chunk("It is "), chunk("noon.”")), "It is noon.”"),
    Answer("a server that cannot stream", (json.dumps(_WHOLE).encode(),), "It is noon.", content_type="application/json"),
    Answer("the same, indented", (json.dumps(_WHOLE, indent=1).encode(),), "It is noon.", content_type="application/json"),
    Answer("the same, as one event", (event(_WHOLE), DONE), "It is noon."),
    Answer("one object a line", tuple(each[6:-1] for each in _NOON), "It is noon.", content_type="application/x-ndjson"),
    Answer("OpenAI: refusal", (chunk(refusal="I cannot "), chunk(refusal="say."), chunk(ending="stop"), DONE), "I cannot say."),
    Answer("U+2028 inside a text", (chunk("It is ") + 'data: {"choices":[{"delta":{"content":"\u2028noon."}}]}\n\n'.encode(), DONE), "It is noon."),
]  # fmt: skip

ENDINGS = [
    *(Answer(f"{who}: {ending}", (chunk("It is "), chunk("noon", ending)), "It is noon") for who, ending in (
        ("OpenAI", "stop"), ("Gemini", "STOP"), ("Together", "eos"), ("TGI", "eos_token"), ("TGI", "stop_sequence"),
        ("Anthropic", "end_turn"), ("Cohere", "COMPLETE"), ("Cohere", "STOP_SEQUENCE"),
    )),
    *(Answer(f"{who}: {ending}", (chunk("It is "), chunk("noon", ending)), "It is noon", problem) for who, ending, problem in (
        ("OpenAI", "length", LIMIT), ("Gemini", "MAX_TOKENS", LIMIT), ("Mistral", "model_length", LIMIT),
        ("OpenAI", "content_filter", WITHHELD), ("Gemini", "SAFETY", WITHHELD), ("Gemini", "RECITATION", WITHHELD),
        ("Anthropic", "refusal", WITHHELD), ("Zhipu", "sensitive", WITHHELD), ("Cohere", "ERROR_TOXIC", WITHHELD),
        ("OpenAI", "tool_calls", TOOL), ("Anthropic", "tool_use", TOOL), ("Gemini", "MALFORMED_FUNCTION_CALL", TOOL),
        ("OpenRouter", "error", "the language model did not finish its answer: error"),
        ("vLLM", "abort", "the language model did not finish its answer: abort"),
        ("DeepSeek", "insufficient_system_resource",
         "the language model did not finish its answer: insufficient_system_resource"),
        ("Zhipu", "network_error", "the language model did not finish its answer: network_error"),
        ("nobody", "<b>private</b>", "the language model did not finish its answer"),
    )),
    Answer("a worker that died", (chunk("It is "), chunk("noon and")), "It is noon and", BROKEN_OFF),
    Answer("OpenAI: a tool call", (chunk(tool_calls=[{"index": 0}]), chunk(ending="tool_calls"), DONE), "", TOOL),
    Answer("Ollama: a tool call that ends in stop", (chunk(tool_calls=[{"index": 0}]), chunk(ending="stop")), "", TOOL),
]  # fmt: skip

ERRORS = [
    Answer(source, (chunk("It is noon "), body), "It is noon", WITH_AN_ERROR)
    for source, body in (
        ("OpenRouter", event({"error": {"message": "private", "code": 502}, "choices": []})),
        ("TGI", event({"error": "private", "error_type": "generation"})),
        ("vLLM, older", event({"object": "error", "message": "private", "code": 400})),
        ("Anthropic", b"event: error\n" + event({"type": "error", "error": {"message": "private"}})),
        ("an error event without a field", b"event: error\n" + event({"message": "private"})),
        ("llama.cpp", b'error: {"code": 500, "message": "private"}\n\n'),
        ("FastChat", event({"text": "private", "error_code": 50001})),
        ("MiniMax", event({"base_resp": {"status_code": 1004, "status_msg": "private"}})),
        ("FastAPI", event({"detail": "private"})),
        ("DashScope", event({"code": "InternalError", "message": "private"})),
    )
]

HUGE_WORDS = 6_000
RUNAWAYS = [
    Answer("endless repetition", (chunk("I am sorry. "),), "", repeated=(chunk("I am so "), chunk("very sorry. "))),
    Answer("endless without a space", (), "", repeated=(chunk("ha"),)),
    Answer("endless silence", (chunk(""),), "", "the language model took too long", stays_open=True),
    Answer("endless pings", (), "", "the language model took too long", repeated=(b": ping\n\n",)),
    Answer("one huge chunk", (chunk(" ".join(f"word{n}" for n in range(HUGE_WORDS)), "stop"), DONE),
           " ".join(f"word{n}" for n in range(HUGE_WORDS))),
]  # fmt: skip
"""Models and servers that do not know when to stop. A limit of the client's ends those without a problem."""

NAMED = {answer.name: answer for answer in (*SHAPES, *ENDINGS, *ERRORS, *RUNAWAYS)}
"""Every answer by its name."""

TURN_MARKS = [
    "<|im_end|>", "<|im_start|>user", "<|eot_id|>", "<|eom_id|>", "<|start_header_id|>user<|end_header_id|>", "</s>",
    "<|end_of_text|>", "<|eot|>", "[INST]", "[/INST]", "<<SYS>>", "<end_of_turn>", "<start_of_turn>user", "<eos>",
    "<turn|>", "<|end|>", "<|user|>", "<|endoftext|>", "<|return|>", "<｜end▁of▁sentence｜>", "<｜User｜>",
    "<|END_OF_TURN_TOKEN|>", "<|start_of_role|>user", "<|end_of_turn|>", "<seed:eos>", "<|im_user|>", "[|endofturn|]",
    "<eoa>", "### Instruction:", "### Human:",
]  # fmt: skip
"""What models write at the end of their turn when the server's list of stop words misses it: their chat templates."""


class Refusal(NamedTuple):
    """A refusal of a conversation. `{limit}` and `{size}` stand for what may be sent, and what was."""

    source: str
    status: int
    text: str

    @property
    def name(self) -> str:
        """What the stand-in is asked for."""
        return named(self.source)


TOO_LONG = [
    Refusal("OpenAI", 400, "This model's maximum context length is {limit} tokens. However, your messages resulted in {size} tokens."),
    Refusal("vLLM", 400, "This model's maximum context length is {limit} tokens. However, you requested {size} tokens."),
    Refusal("llama.cpp", 400, "request ({size} tokens) exceeds the available context size ({limit} tokens), try increasing it"),
    Refusal("llama.cpp, older", 500, "the request exceeds the available context size. try increasing the context size"),
    Refusal("SGLang", 400, "The input ({size} tokens) is longer than the model's context length ({limit} tokens)."),
    Refusal("TGI", 422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {limit}. Given: {size} `inputs` tokens"),
    Refusal("Anthropic", 400, "prompt is too long: {size} tokens > {limit} maximum"),
    Refusal("Gemini", 400, "The input token count ({size}) exceeds the maximum number of tokens allowed ({limit})."),
    Refusal("Mistral", 400, "Prompt contains {size} tokens and 0 draft tokens, too large for model with {limit} maximum context length"),
    Refusal("xAI", 400, "This model's maximum prompt length is {limit} but the request contains {size} tokens."),
    Refusal("Groq", 400, "Please reduce the length of the messages or completion."),
    Refusal("Groq, HTTP", 413, "Please reduce the length of the messages or completion."),
    Refusal("Cohere", 400, "too many tokens: size limit exceeded"),
    Refusal("Moonshot", 400, "Invalid request: Your request exceeded model token limit: {limit}"),
    Refusal("LM Studio", 400, "The number of tokens to keep from the initial prompt is greater than the context length"),
    Refusal("DashScope", 400, "Range of input length should be [1, {limit}]"),
    Refusal("Copilot", 400, "prompt token count of {size} exceeds the limit of {limit}"),
    Refusal("a private server", 400, "maximum context length"),
    Refusal("vLLM, at HTTP 200", 200, "This model's maximum context length is {limit} tokens. However, you requested {size} tokens."),
]  # fmt: skip

NO_SYSTEM_ROLE = [
    Refusal("Gemma's template", 400, "System role not supported"),
    Refusal("Gemini", 400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
    Refusal("OpenAI o1-mini", 400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
    Refusal("Mistral's template", 400, "Conversation roles must alternate user/assistant/user/assistant/..."),
    Refusal("Llama 2's template", 400, "Only user and assistant roles are supported!"),
    Refusal("a proxy", 400, "system messages are not supported by this model"),
    Refusal("another", 400, "Invalid role: system"),
]

REFUSALS = {refusal.name: refusal for refusal in TOO_LONG}
"""Refusals of what is too long, by their names."""
ROLE_REFUSALS = {refusal.name: refusal for refusal in NO_SYSTEM_ROLE}
"""Refusals of the role of the system, by their names."""
