from launcher.checks.trial import attempt


async def test_what_went_well() -> None:
    outcome = await attempt(["-I", "-S", "-c", "print('done')"], {}, limit_s=30)
    assert (outcome.said, outcome.failure) == ("done", None)


async def test_its_last_words() -> None:
    outcome = await attempt(["-I", "-S", "-c", "raise SystemExit('no ink')"], {}, limit_s=30)
    assert outcome.failure == "no ink"


async def test_a_crash() -> None:
    outcome = await attempt(["-I", "-S", "-c", "import os; os.kill(os.getpid(), 11)"], {}, limit_s=30)
    assert outcome.failure == "it crashed (SIGSEGV)"


async def test_no_end() -> None:
    outcome = await attempt(["-I", "-S", "-c", "import time; time.sleep(60)"], {}, limit_s=0.2)
    assert outcome.failure == "it was not done within 0.2 s"
