"""The texts that Parley brings, and those that somebody puts before them."""

import re
from pathlib import Path

import pytest

from orchestrator.prompts.templates import TemplateError
from orchestrator.prompts.texts import OUR_OWN, read_texts
from tests.orchestrator.harness import TEXTS


@pytest.mark.parametrize("language", ["en", "fr"])
def test_there_is_enough_to_draw_from(language: str) -> None:
    assert len(TEXTS.questions[language]) >= 60
    assert len(TEXTS.starters[language]) >= 24
    assert len(TEXTS.easy_animals[language]) >= 15
    assert len(TEXTS.hard_animals[language]) >= 19
    assert not set(TEXTS.easy_animals[language]) & set(TEXTS.hard_animals[language])


@pytest.mark.parametrize("language", ["en", "fr"])
def test_questions_and_answers_can_be_spoken_and_recognised(language: str) -> None:
    for question, answer in TEXTS.questions[language]:
        assert not re.search(r"\d|[&%/=+]|\b[A-Z]{2,}\b", question + answer), question
        assert len(answer.split()) <= 6, answer
        assert len(question.split()) <= 20, question
        assert answer.lower() not in question.lower() or " or " in question, "the question gives its answer away"


def test_answers_are_not_all_the_same() -> None:
    for questions in TEXTS.questions.values():
        assert len({answer for _, answer in questions}) > 0.9 * len(questions)


def test_no_text_holds_what_cannot_be_spoken() -> None:
    for path in OUR_OWN.glob("*.txt"):
        if path.name != "README.txt":
            for line in path.read_text(encoding="utf-8").splitlines():
                assert line.startswith("#") or not re.search(
                    r"https?:|[*_`#<>|]|^\s*[-•]|[\U0001f000-\U0001ffff]", line
                )


def test_whoever_opens_the_folder_is_told_of_every_text() -> None:
    told = (OUR_OWN / "README.txt").read_text(encoding="utf-8")
    names = {path.name.partition(".")[0] for path in OUR_OWN.glob("*.txt")} - {"README"}
    assert {name for name in names if name not in told} == set()


def test_a_folder_of_ones_own_goes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "animals_easy.en.txt").write_text("wombat\n")
    (tmp_path / "README.txt").write_text("{Mine}\n")
    texts = read_texts(tmp_path)
    assert texts.easy_animals == {"en": ("wombat",), "fr": TEXTS.easy_animals["fr"]}
    assert texts.hard_animals == TEXTS.hard_animals


@pytest.mark.parametrize("name", ["apologies", "news_apologies"])
def test_a_text_may_have_its_former_name(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.en.txt").write_text("No paper today.\n")
    assert read_texts(tmp_path).news_apologies == {"en": ("No paper today.",), "fr": TEXTS.news_apologies["fr"]}


def test_a_slip_in_a_name_does_not_go_unnoticed(tmp_path: Path) -> None:
    (tmp_path / "animal_easy.en.txt").write_text("wombat\n")
    with pytest.raises(TemplateError, match=r"animal_easy\.en\.txt: there is no text of this name, only animals_easy"):
        read_texts(tmp_path)


def test_too_few_questions_for_a_quiz_are_refused(tmp_path: Path) -> None:
    (tmp_path / "quiz.fr.txt").write_text("Qui ? Moi\n")
    with pytest.raises(TemplateError, match=r"quiz\.fr\.txt: expected at least 5 entries, one a line"):
        read_texts(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="nowhere: expected a folder"):
        read_texts(tmp_path / "nowhere")
