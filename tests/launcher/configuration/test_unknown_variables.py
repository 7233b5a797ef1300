import pytest

from launcher.configuration.inventory import unknown_variables


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PARLEY_STT_POCKETSPHINX_WORKER", "PARLEY_STT_POCKETSPHINX_WORKERS"),
        ("parley_stt_pocketsphinx_workers", "PARLEY_STT_POCKETSPHINX_WORKERS"),
        ("PARLY_STT_POCKETSPHINX_WORKERS", "PARLEY_STT_POCKETSPHINX_WORKERS"),
        ("KYUTAI_LLM_MODELL", "KYUTAI_LLM_MODEL"),
        ("PARLEY_XYZZY_FROBNICATE", None),
    ],
)
def test_a_slip_is_guessed(name: str, meant: str | None) -> None:
    [variable] = unknown_variables({name: "1", "PARLEY_EDGE_PORT": "1", "HOME": "/root", "PATH": "/bin", "PORT": "1"})
    assert variable == (name, meant)


def test_what_is_read_is_no_stray() -> None:
    assert unknown_variables({"PARLEY_LOG_LEVEL": "info", "KYUTAI_LLM_URL": "http://x", "LOG_LEVEL": "info"}) == []
