from launcher.language_model import LanguageModel
from launcher.running.banner import banner
from launcher.running.plan import Plan
from mesh.discovery.addresses import HostPort

USUAL = Plan(
    children=[], ports=[], edge=HostPort("127.0.0.1", 8000), orchestrator=HostPort("127.0.0.1", 50051), llm=None
)
MODEL = LanguageModel("http://models:8000", "big", "the environment")


def test_tells_where_the_mesh_is_and_how_to_try_it() -> None:
    told = banner(USUAL, llm_answers=True)
    assert "Parley is ready at http://127.0.0.1:8000\n" in told
    assert '    parley say "What time is it?"\n' in told
    assert "    parley call question.wav --out reply.wav\n" in told


def test_commands_name_ports_that_are_not_the_usual() -> None:
    told = banner(
        USUAL._replace(edge=HostPort("127.0.0.1", 8001), orchestrator=HostPort("127.0.0.1", 50061)), llm_answers=True
    )
    assert '    parley say "What time is it?" --target 127.0.0.1:50061\n' in told
    assert "    parley call question.wav --out reply.wav --url ws://127.0.0.1:8001\n" in told


def test_tells_how_to_get_a_language_model() -> None:
    told = banner(USUAL, llm_answers=True)
    assert "built-in responder" in told
    assert "--llm auto" in told
    assert "KYUTAI_LLM_URL" in told


def test_tells_which_language_model_it_is() -> None:
    told = banner(USUAL._replace(llm=MODEL), llm_answers=True)
    assert "Replies come from the model big at http://models:8000 (the environment)." in told
    assert "built-in" not in told
    assert "does not answer" not in told


def test_tells_that_the_language_model_does_not_answer() -> None:
    assert "It does not answer." in banner(USUAL._replace(llm=MODEL._replace(model=None)), llm_answers=False)
