"""What a person wants to know once the mesh is ready."""

from collections.abc import Iterator

from launcher import options
from launcher.language_model import LOCAL_SERVERS
from launcher.running.plan import Plan
from mesh.ports import authority

_LOCAL_PROGRAMS = ", ".join(server.program for server in LOCAL_SERVERS)
_BUILT_IN = f"""\
Replies come from the built-in responder, which only follows rules. For a language model:
    parley up --llm auto                   the first found here of {_LOCAL_PROGRAMS}
    parley up --llm http://127.0.0.1:8080  any OpenAI-compatible server; or set KYUTAI_LLM_URL (and KYUTAI_LLM_MODEL)"""


def banner(planned: Plan, *, llm_answers: bool) -> str:
    """The page to print: where the mesh is, who writes its replies, how to try it and how to end it."""
    parts = (
        f"Parley is ready at http://{authority(*planned.edge)}",
        "\n".join(_replies(planned, llm_answers=llm_answers)),
        "\n".join(_trials(planned)),
        "Ctrl-C ends it.",
    )
    return "\n\n".join(("", *parts, ""))


def _replies(planned: Plan, *, llm_answers: bool) -> Iterator[str]:
    if planned.llm is None:
        yield _BUILT_IN
        return
    model = f"the model {planned.llm.model}" if planned.llm.model else "the only model"
    yield f"Replies come from {model} at {planned.llm.url} ({planned.llm.told_by})."
    if not llm_answers:
        yield "It does not answer. Is it running? Conversations will fail until it does."


def _trials(planned: Plan) -> Iterator[str]:
    edge, orchestrator = authority(*planned.edge), authority(*planned.orchestrator)
    url = "" if f"ws://{edge}" == options.DEFAULT_URL else f" --url ws://{edge}"
    target = "" if orchestrator == options.DEFAULT_TARGET else f" --target {orchestrator}"
    yield "Try it in another terminal:"
    yield f'    parley say "What time is it?"{target}'
    yield f"    parley call question.wav --out reply.wav{url}"
