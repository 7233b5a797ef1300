"""The text that a donor reads: that they agree, and two sentences that nobody can have recorded before."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SENTENCES = 2


@dataclass(frozen=True, slots=True)
class Consent:
    """What donors may be asked to read."""

    agreement: str
    sentences: Sequence[str]

    def text(self, choose: random.Random) -> str:
        """A text for one donor."""
        return " ".join([self.agreement, *choose.sample(self.sentences, _SENTENCES)])


def read_consent() -> Consent:
    """The texts that Parley brings: the agreement, then the sentences. Blocks."""
    lines = Path(__file__).with_name("sentences.txt").read_text(encoding="utf-8").splitlines()
    agreement, *sentences = (line.strip() for line in lines if line.strip() and not line.startswith("#"))
    return Consent(agreement, sentences)
