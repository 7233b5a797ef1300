"""What `up` prints once the mesh is ready."""

from collections.abc import Iterator, Sequence

from launcher import options
from launcher.command import typed
from launcher.language_model import LOCAL_SERVERS
from launcher.running.plan import Plan
from mesh.ports import authority

_LOCAL_PROGRAMS = ", ".join(server.program for server in LOCAL_SERVERS)


def banner(planned: Plan, *, llm_answers: bool, llm_problems: Sequence[str] = ()) -> str:
    """The text to print: where the page is, what writes the replies, what to try and how to stop.

    `llm_problems` says what is wrong with the language model, each with its remedy.
    """
    parts = (
        f"Parley is ready at http://{authority(*planned.edge)}\nOpen that address in a browser and talk.",
        "\n".join(_replies(planned, llm_answers=llm_answers, problems=llm_problems)),
        "\n".join(_trials(planned)),
        "Ctrl-C stops everything.",
    )
    return "\n\n".join(("", *parts, ""))


def _replies(planned: Plan, *, llm_answers: bool, problems: Sequence[str]) -> Iterator[str]:
    if planned.llm is None:
        parley = typed()
        url = "http://127.0.0.1:8080"
        width = len(f"{parley} up --llm {url}")
        yield "The built-in responder writes the replies. It only follows rules. For a language model:"
        yield f"    {f'{parley} up --llm auto':{width}}  the first found on this machine: {_LOCAL_PROGRAMS}"
        yield f"    {parley} up --llm {url}  any OpenAI-compatible server; or set KYUTAI_LLM_URL, KYUTAI_LLM_MODEL"
        return
    model = f"the model {planned.llm.model}" if planned.llm.model else "the only model"
    yield f"Replies come from {model} at {planned.llm.url} ({planned.llm.told_by})."
    if problems:
        yield "Conversations will fail until this is solved:"
        yield from (f"    {problem}" for problem in problems)
    elif not llm_answers:
        yield "It does not answer. Is it running? Conversations will fail until it does."


def _trials(planned: Plan) -> Iterator[str]:
    edge, orchestrator = authority(*planned.edge), authority(*planned.orchestrator)
    url = "" if f"ws://{edge}" == options.DEFAULT_URL else f" --url ws://{edge}"
    target = "" if orchestrator == options.DEFAULT_TARGET else f" --target {orchestrator}"
    yield "Or in another terminal: type a question and keep the answer, then play that answer as a caller would:"
    yield f'    {typed()} say "Who are you?" --out answer.wav{target}'
    yield f"    {typed()} call answer.wav{url}"
