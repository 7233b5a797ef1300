"""Stage directions: what a writer of dialogue puts between stars or brackets, as in "*sighs*" and "(laughs softly)".

Only a closed set is taken for one: anything else between stars is stressed, and between brackets said in passing.
"""
# ruff: noqa: RUF001, SIM905 - brackets of other scripts are among them

import re
from typing import Final

OPENINGS: Final = {"*": "*", "_": "_", "(": ")", "[": "]", "（": "）", "【": "】", "［": "］"}
"""What a direction may begin with, and what ends it."""
LONGEST: Final = 60
"""Characters of a direction."""

_INDEFINITE = "a an ein eine un une una uma".split()
_ARTICLES = (*_INDEFINITE, *"the with in mit avec con com".split())
_MANNERS = (
    "little small long short deep heavy soft quiet light slight gentle nervous brief awkward big loud warm sad dry "
    "happy "
    "thoughtful dramatic audible wry still again slightly softly quietly lightly gently nervously warmly sadly loudly "
    "briefly awkwardly deeply heavily thoughtfully dramatically just"
).split()
_ACTS = frozenset(
    # English
    "laughs laughing laughter chuckles chuckling giggles giggling snickers sighs sighing gasps gasping coughs coughing "
    "sneezes yawns yawning groans groaning moans sobs sobbing sniffles sniffs smiles smiling grins grinning smirks "
    "smirking winks winking nods nodding shrugs shrugging blushes pauses pausing whispers whispering inhales exhales "
    "gulps grimaces frowns blinks applause sigh chuckle giggle snicker gasp sneeze yawn groan moan sob sniffle sniff "
    # German, French, Spanish, Italian, Portuguese
    "lacht lachend kichert seufzt seufzend lächelt grinst zwinkert nickt hustet "
    "rit soupire sourit toussote ríe risas suspira sonríe risata sospira sorride risos sorri "
    # Russian, Chinese, Japanese
    "смеётся смеется вздыхает улыбается 笑 大笑 苦笑 微笑 笑声 叹气 叹息 笑い ため息".split()
)
"""What is hardly ever stressed for itself."""
_NOUNS = frozenset(
    "laugh cry cries crying cough smile grin "
    "smirk wink nod shrug pause beat silence whisper hum hums humming breath waves bows rires rire soupir sourire "
    "risa suspiro sospiro sorriso 咳嗽 停顿 沉默 咳 沈黙".split()
)
"""What a sentence may stress as well: "the *pause* button".

Between stars it counts where a clause may begin, or after an article ("a long sigh")."""
_PHRASES = (
    *("clears throat", "clears his throat", "clears her throat", "clears my throat", "clearing throat"),
    *("takes a breath", "takes a deep breath", "taking a deep breath", "rolls eyes", "raises an eyebrow"),
    *("tilts head", "shakes head", "scratches head", "leans in", "leans forward", "leans back", "looks away"),
    *("thinks for a moment", "se ríe", "räuspert sich", "rit doucement", "éclate de rire"),
)
_AFTER_ACT = _ACTS.union(
    _MANNERS,
    "at you to himself herself myself itself themselves for a moment and then out under breath his her my in with "
    "of us relief "
    "leise sanft doucement suavemente piano sommessamente sich".split(),
)
_BEFORE_ACT = frozenset((*_ARTICLES, *_MANNERS))
_MOST_AFTER: Final = 5
"""Words that may follow an act: "laughs softly to himself"."""
_MOST_BEFORE: Final = 3
_WORD = re.compile(r"\w+")


def is_direction(text: str, *, stressed: bool) -> bool:
    """Whether a text between an opening and its end is a stage direction. `stressed`: it may be stressed instead."""
    words = _WORD.findall(text.lower())
    return len(text) <= LONGEST and (_has_act(words, stressed=stressed) or " ".join(words) in _PHRASES)


def may_become_direction(text: str, *, stressed: bool) -> bool:
    """Whether a text after an opening, of whole words, may go on so that `is_direction` holds."""
    words = _WORD.findall(text.lower())
    if len(text) > LONGEST:
        return False
    introduced = len(words) <= _MOST_BEFORE and all(map(_BEFORE_ACT.__contains__, words))
    begun = " ".join(words)
    return introduced or _has_act(words, stressed=stressed) or any(phrase.startswith(begun) for phrase in _PHRASES)


def _has_act(words: list[str], *, stressed: bool) -> bool:
    """Whether there is an act, and before and after it only what directions have there."""
    for place, word in enumerate(words[: _MOST_BEFORE + 1]):
        if word in _ACTS or (word in _NOUNS and not (stressed and words[0] not in _INDEFINITE)):
            after = words[place + 1 :]
            return len(after) <= _MOST_AFTER and all(map(_AFTER_ACT.__contains__, after))
        if word not in _BEFORE_ACT:
            return False
    return False
