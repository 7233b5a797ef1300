from chaos import matrix
from chaos.journal import Dialled
from chaos.judging import Outcome
from chaos.members import Fault, Victim
from chaos.strikes import Conversation, Strike, promise


def conversation(phase: str, silence_s: float, *faults: str) -> Conversation:
    outcome = Outcome(said=4, heard=4, silence_s=silence_s, told=True, faults=faults)
    return Conversation(phase, phase, outcome, [Dialled(-1.0)])


def strike(fault: Fault, *conversations: Conversation) -> Strike:
    return Strike(Victim.LLM, fault, "llm-0", 2.0, 0.01, list(conversations))


GOOD = strike(Fault.KILL, conversation("opening", 0.12), conversation("held", 0.5), conversation("held", 0.84))
BAD = strike(Fault.STOP, conversation("opening", 2, "no reply"), conversation("opening", 2, "no reply", "lost (1011)"))


def test_a_cell_shows_the_worst_of_its_conversations() -> None:
    assert matrix.markdown([GOOD, BAD]).splitlines() == [
        "| victim | fault | opening | held |",
        "|---|---|---|---|",
        "| llm | kill | ✓ 0.1 s | ✓ 0.8 s |",
        "| llm | stop | ✗ no reply; lost (1011) |  |",
    ]


def test_rounds_of_one_strike_share_a_row() -> None:
    rounds = [GOOD, strike(Fault.KILL, conversation("opening", 3, "silent for 3.0 s"))]
    assert "| llm | kill | ✗ silent for 3.0 s | ✓ 0.8 s |" in matrix.markdown(rounds)


def test_one_broken_promise_makes_it_red() -> None:
    assert matrix.is_green([GOOD])
    assert not matrix.is_green([GOOD, BAD])


def test_programs_get_everything() -> None:
    (told,) = matrix.as_json([GOOD])
    assert told["victim"] == "llm"
    assert told["conversations"][0]["journal"] == [{"at": -1.0, "what": "Dialled", "again": False}]


def test_what_a_fault_may_cost_depends_on_who_else_is_there() -> None:
    assert promise(Victim.EDGE, Fault.KILL, 2).silence_s == 1.0
    assert promise(Victim.EDGE, Fault.STOP, 2).silence_s == 2.0
    assert promise(Victim.LLM, Fault.KILL, 1).silence_s == 3.0
    assert promise(Victim.LLM, Fault.KILL, 2, first_token_s=1.5).silence_s == 2.5
    assert not promise(Victim.LLM, Fault.KILL, 1).told_is_enough
    assert not promise(Victim.LLM, Fault.PARTITION, 2).told_is_enough
    assert promise(Victim.LLM, Fault.PARTITION, 1).told_is_enough
    assert promise(Victim.VOICE_SERVICE, Fault.STOP, 1).silence_s == 1.0
