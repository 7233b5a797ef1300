"""The texts that prompts are made of, read and checked once, before a process serves."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from orchestrator.prompts.templates import (
    Question,
    Template,
    TemplateError,
    read_list,
    read_questions,
    read_table,
    read_template,
)

T = TypeVar("T")

OUR_OWN = Path(__file__).with_name("characters")
"""The folder of the texts that Parley brings."""

LANGUAGES = ("en", "fr", "en/fr", "fr/en")
"""What a character can be told to speak; the first is spoken at the beginning."""

APOLOGY_LANGUAGES = ("de", "en", "es", "fr", "it", "pt")
"""The languages in which the failure of the language model is apologised for."""

QUESTIONS = 5
"""How many a quiz has."""

ByLanguage = Mapping[str, T]
"""For "en" and "fr", and some texts for more languages, what there is in each."""


class ModelApologies(NamedTuple):
    """What is said when the language model fails, or is slow. Each field is named as in its file."""

    unanswered: str
    """Instead of a reply."""
    unfinished: str
    """After a sentence that breaks off."""
    waiting: str
    """Before a reply that is late."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Every text. Each template is named after the character it describes, but for `base`, which wraps them all."""

    base: Template
    languages: Mapping[str, str]
    constant: Template
    smalltalk: Template
    guess_animal: Template
    quiz_show: Template
    news: Template
    news_unavailable: Template
    unmute_explanation: Template
    starters: ByLanguage[tuple[str, ...]]
    news_apologies: ByLanguage[tuple[str, ...]]
    model_apologies: ByLanguage[ModelApologies]
    easy_animals: ByLanguage[tuple[str, ...]]
    hard_animals: ByLanguage[tuple[str, ...]]
    questions: ByLanguage[tuple[Question, ...]]


def read_texts(own: Path | None = None) -> Texts:
    """Read every text, from the folder `own` where it has a file of that name. Raises `TemplateError`."""
    folder = _Folder(own)
    texts = Texts(
        base=read_template(
            folder.file("base.txt", formerly="house.txt"), "character", "language", "model", "silence", "goodbye"
        ),
        languages=read_table(folder.file("languages.txt"), *LANGUAGES),
        constant=folder.template("constant"),
        smalltalk=folder.template("smalltalk", "now", "starter"),
        guess_animal=folder.template("guess_animal", "easy", "hard"),
        quiz_show=folder.template("quiz_show", "questions", "goodbye"),
        news=folder.template("news", "headlines", "now"),
        news_unavailable=folder.template("news_unavailable", "apology", "smalltalk"),
        unmute_explanation=folder.template("unmute_explanation"),
        starters=folder.by_language("starters", read_list),
        news_apologies=folder.by_language("news_apologies", read_list, formerly="apologies"),
        model_apologies=folder.by_language("model_apologies", _read_model_apologies, APOLOGY_LANGUAGES),
        easy_animals=folder.by_language("animals_easy", read_list),
        hard_animals=folder.by_language("animals_hard", read_list),
        questions=folder.by_language("quiz", lambda path: read_questions(path, least=QUESTIONS)),
    )
    folder.done()
    return texts


class _Folder:
    """The texts: a folder of the operator's own, and Parley's behind it."""

    def __init__(self, own: Path | None) -> None:
        self._own = own
        self._files: set[str] = set()
        if own is not None and not own.is_dir():
            raise TemplateError(own, None, "expected a folder")

    def file(self, name: str, *, formerly: str | None = None) -> Path:
        """The file of a text. An operator's own file may still have the text's former name."""
        names = [name] if formerly is None else [name, formerly]
        self._files.update(names)
        own = [self._own / each for each in names] if self._own is not None else []
        return next((path for path in own if path.exists()), OUR_OWN / name)

    def template(self, name: str, *placeholders: str) -> Template:
        return read_template(self.file(f"{name}.txt"), *placeholders)

    def by_language(
        self,
        name: str,
        read: Callable[[Path], T],
        languages: Iterable[str] = ("en", "fr"),
        *,
        formerly: str | None = None,
    ) -> ByLanguage[T]:
        def file(language: str) -> Path:
            return self.file(f"{name}.{language}.txt", formerly=formerly and f"{formerly}.{language}.txt")

        return {language: read(file(language)) for language in languages}

    def done(self) -> None:
        """Refuse unknown files: a misspelt name would go unnoticed."""
        for path in sorted(self._own.glob("*.txt")) if self._own is not None else ():
            if path.name not in self._files | {"README.txt"}:
                raise TemplateError(path, None, f"there is no text of this name, only {_listed(self._files)}")


def _read_model_apologies(path: Path) -> ModelApologies:
    table = read_table(path, "unanswered", "unfinished", optional=("waiting",))
    if "waiting" not in table:  # A file of the operator's own may be older than this text.
        table = {**table, "waiting": _read_model_apologies(OUR_OWN / path.name).waiting}
    return ModelApologies(**table)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
