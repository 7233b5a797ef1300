from pathlib import Path

import pytest

from launcher.running.language_model import LanguageModel
from launcher.running.output import banner
from launcher.running.plan import Plan
from mesh.discovery.addresses import HostPort

USUAL = Plan(
    children=[],
    ports=[],
    edge=HostPort("127.0.0.1", 8000),
    orchestrator=HostPort("127.0.0.1", 50051),
    llm=None,
    drain_limit_s=5.0,
)
MODEL = LanguageModel("http://models:8000", "big", "the environment")


def test_tells_where_the_mesh_is_and_how_to_try_it() -> None:
    told = banner(USUAL, llm_answers=True)
    assert "Parley is ready at http://127.0.0.1:8000\n" in told
    assert '    parley say "Who are you?" --out answer.wav\n' in told
    assert "    parley call answer.wav\n" in told


def test_commands_name_ports_that_are_not_the_usual() -> None:
    told = banner(
        USUAL._replace(edge=HostPort("127.0.0.1", 8001), orchestrator=HostPort("127.0.0.1", 50061)), llm_answers=True
    )
    assert '    parley say "Who are you?" --out answer.wav --target 127.0.0.1:50061\n' in told
    assert "    parley call answer.wav --url ws://127.0.0.1:8001\n" in told


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


def test_shows_no_credential() -> None:
    model = LanguageModel("https://me:sesame@models/v1?key=sesame", "big", "--llm")
    told = banner(USUAL._replace(llm=model), llm_answers=True)
    assert "at https://***@models/v1?key=*** (--llm)." in told
    assert "sesame" not in told


def test_tells_that_the_language_model_does_not_answer() -> None:
    assert "It does not answer." in banner(USUAL._replace(llm=MODEL._replace(model=None)), llm_answers=False)


def test_tells_what_is_wrong_with_the_language_model_and_what_to_do() -> None:
    problem = "model: big is not one of the server's; set KYUTAI_LLM_MODEL to one that it lists: small"
    told = banner(USUAL._replace(llm=MODEL), llm_answers=True, llm_problems=[problem])
    assert f"    {problem}\n" in told


def test_commands_are_written_as_this_one_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / ".venv" / "bin" / "parley"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(program), "up"])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert f"    {program} call answer.wav\n" in banner(USUAL, llm_answers=True)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    assert "    parley call answer.wav\n" in banner(USUAL, llm_answers=True)
