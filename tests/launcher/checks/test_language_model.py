import pytest
from starlette.responses import HTMLResponse, JSONResponse

from launcher.checks.language_model import language_model
from mesh.engines.findings import Finding, State
from standins.llm.engine import LlmEngine
from standins.llm.options import LlmOptions
from tests.fakes.llm import FakeLlm, serving
from tests.launcher.checks.conftest import Look
from tests.ports import free_port


async def the_fault(fake: FakeLlm, context: Look, **environ: str) -> Finding:
    async with serving(fake) as url:
        findings = await language_model(await context(llm=url, **environ))
    [fault] = [finding for finding in findings if finding.state is not State.FINE]
    return fault


async def test_a_model_that_answers_is_fine(context: Look) -> None:
    async with serving(FakeLlm()) as url:
        findings = await language_model(await context(llm=url))
    assert [finding.state for finding in findings] == [State.FINE, State.FINE]
    assert "fake/small-talk began to answer after" in findings[1].found


async def test_every_further_model_is_asked(context: Look) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with serving(FakeLlm()) as url:
        findings = await language_model(await context(llm=url, PARLEY_LLM_FALLBACK_URLS=f"{url},{nowhere}"))
        assert [finding.state for finding in findings] == [*[State.FINE] * 4, State.WRONG]
        assert "PARLEY_LLM_FALLBACK_URLS" in findings[2].found
        *_, fault = await language_model(
            await context(llm=url, PARLEY_LLM_FALLBACK_URLS=url, PARLEY_LLM_FALLBACK_MODELS="a,b")
        )
    assert fault.found == "PARLEY_LLM_FALLBACK_MODELS has 2 entries: expected one for each of 1 URLs"


async def test_without_a_model_the_responder_is_fine(context: Look) -> None:
    [finding] = await language_model(await context())
    assert finding.state is State.FINE
    assert "built-in responder" in finding.found


async def test_unreachable(context: Look) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    [finding] = await language_model(await context(llm=url))
    assert finding.state is State.WRONG
    assert finding.found == f"{url}/v1 cannot be reached: nothing listens there (connection refused)"
    assert "start that server" in str(finding.remedy)


async def test_a_wrong_key(context: Look) -> None:
    fake = FakeLlm()
    fake.status = 401
    fault = await the_fault(fake, context, KYUTAI_LLM_API_KEY="sk-very-secret")
    assert fault.state is State.WRONG
    assert "the key was refused" in fault.found
    assert "KYUTAI_LLM_API_KEY" in str(fault.remedy)
    assert "sk-very-secret" not in repr(fault)


async def test_several_models_and_none_named(context: Look) -> None:
    fake = FakeLlm()
    fake.models = ["big", "small"]
    fault = await the_fault(fake, context)
    assert (fault.state, fault.found) == (State.WRONG, "the server lists 2: big, small")
    assert fault.remedy == "choose one: KYUTAI_LLM_MODEL=big"


async def test_no_model_at_all(context: Look) -> None:
    fake = FakeLlm()
    fake.models = []
    fault = await the_fault(fake, context)
    assert (fault.state, fault.found) == (State.WRONG, "the server lists no model")


async def test_a_model_that_is_not_listed_and_does_not_answer(context: Look) -> None:
    fake = FakeLlm()
    fake.models = ["big"]
    fake.models_answer = JSONResponse({"object": "list", "data": [{"id": "big", "object": "model"}]})
    fake.status = 404
    fault = await the_fault(fake, context, KYUTAI_LLM_MODEL="bigg")
    assert fault.state is State.WRONG
    assert fault.found.startswith("bigg is not one of the server's")
    assert fault.remedy == "set KYUTAI_LLM_MODEL to one that it lists: big"


async def test_a_model_that_is_not_listed_but_answers_is_told(context: Look) -> None:
    fault = await the_fault(FakeLlm(), context, KYUTAI_LLM_MODEL="alias")
    assert fault.state is State.ADVICE
    assert "the server does not list it" in fault.found


async def test_a_model_that_thinks_is_told(context: Look) -> None:
    async with LlmEngine(LlmOptions(first_token_s=0, reasoning="field")).serving() as llm:
        *_, finding = await language_model(await context(llm=llm.url))
        assert finding.state is State.ADVICE
        assert "thinks before it does" in finding.found
        llm.change(obeys=True)
        *_, finding = await language_model(await context(llm=llm.url))
        assert finding.state is State.FINE


async def test_something_else_at_that_address(context: Look) -> None:
    fake = FakeLlm()
    fake.models_answer = HTMLResponse("<html>welcome</html>")
    fault = await the_fault(fake, context)
    assert fault.state is State.WRONG
    assert "is it an OpenAI-compatible server?" in str(fault.remedy)


async def test_a_password_in_the_address_is_not_shown(context: Look) -> None:
    [finding] = await language_model(await context(llm=f"http://me:hush@127.0.0.1:{free_port()}"))
    assert "hush" not in repr(finding)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_server_in_trouble(context: Look, status: int) -> None:
    fake = FakeLlm()
    fake.models_answer = JSONResponse({"error": {"message": "private"}}, status)
    fault = await the_fault(fake, context)
    assert f"HTTP {status}" in fault.found
    assert "private" not in repr(fault)
