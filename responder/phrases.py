"""What the responder says, and to what: one table, the first row that fits wins.

A pattern is searched in the person's last words, lower-case and without punctuation. In an answer `{rest}` is the
pattern's group of that name, turned around ("my dog" becomes "your dog"); `{time}`, `{date}`, `{said}` (the answer
before), `{known_name}` (what the person said their name was) and `{turned}` (all the words, turned around) come from
the conversation. A row whose answers need something that is not known is passed over.

Answers are short and made of words that the embedded recogniser understands from the embedded voice, which is why they
say "it's" for "it is", and "I would like to hear more" for "tell me more".
"""

import re
from typing import NamedTuple

SILENCES = (
    ("I can't hear you. Are you still there?", "Are you still there?"),
    ("Hello? Is anyone there?", "I'm still here. Are you there?"),
    ("Nobody seems to be there, so goodbye for now. Bye!",),
)
"""Answers to the first, second and third silence in a row; the last says goodbye."""


class Rule(NamedTuple):
    """Something a person may say, and what may be answered."""

    pattern: re.Pattern[str]
    answers: tuple[str, ...]


def _rule(pattern: str, *answers: str) -> Rule:
    return Rule(re.compile(pattern), answers)


GOODBYES = r"\b(goodbye|good bye|bye|farewell|good night)\b|^see you\b|\bi (have to|need to|must|got to) go( now)?$"
"""What a person says who wants to end the conversation."""

_VERY = r"(?:so |very |really |quite |a little |a bit |too )?"

RULES = (
    _rule(r"\bau revoir|à bientôt\b", "Au revoir, et à bientôt. Bye!"),
    _rule(r"\b(comment (allez|vas)|ça va)\b", "Je vais très bien, merci. Et vous ?"),
    _rule(r"\b(bonjour|bonsoir|salut)\b", "Bonjour ! Comment allez-vous ?"),
    _rule(GOODBYES, "It was good to meet you. Bye!", "That was a good conversation. Bye!"),
    _rule(
        r"^(hello|hi|hey|good (morning|afternoon|evening|day))( hello| hi| there| parley| again)*$",
        "Hello! It's good to hear you. What would you like to talk about?",
        "Hello! How are you today?",
    ),
    _rule(
        r"\b(what did you say|(say|repeat) (it|that)|say again|repeat please|pardon)\b",
        "I said: {said}",
    ),
    # The clock.
    _rule(r"\b(what time|what is the time|what's the time|the time now|tell me the time)\b", "It's {time}."),
    _rule(
        r"\b(what|which) (day|date)\b.*\b(it|today)\b|\b(what is|what's|tell me) (the|today's) (day|date)\b",
        "Today is {date}.",
    ),
    # Who the responder is.
    _rule(r"\bhow (are|do) you( doing| feeling| do)?( today| now)?$", "I'm fine, thank you. How are you?"),
    _rule(r"\b(what is|what's|tell me) my name\b|\bwho am i\b", "Your name is {known_name}, I think."),
    _rule(r"\b(what is|what's|tell me) my name\b|\bwho am i\b", "You haven't told me yet. What is your name?"),
    _rule(r"\b(your name|who are you|what are you called)\b", "My name is Parley. What is your name?"),
    _rule(
        r"\bwhat (can|do) you do\b|\bhow can you help\b|^help\b|\bwhat are you for\b",
        "I can listen and answer. I know the time and the date. What would you like to know?",
    ),
    _rule(
        r"\bare you (a |an )?(real|human|person|machine|computer|robot|program|bot|ai)\b|\bwhat are you\b",
        "I'm a computer program. Does that surprise you?",
    ),
    _rule(r"\bhow old are you\b|\byour age\b", "I'm only a year old. How old are you?"),
    _rule(r"\bwhere (are you|do you (live|come))\b", "I live inside this computer. Where do you live?"),
    _rule(r"\bwho (made|built|wrote) you\b", "I was made by people who like conversation. What do you like?"),
    _rule(
        r"\b(can|do) you hear me\b|\bare you (still )?(there|here)\b", "Yes, I can hear you well. What is on your mind?"
    ),
    # Small talk.
    _rule(
        r"\b(weather|rain|raining|snow|snowing|sunny)\b",
        "I can't see the weather from here. Is it nice where you are?",
    ),
    _rule(
        r"\bjoke\b|\bmake me laugh\b",
        "How long is a piece of string? Twice as long as half of it!",
    ),
    _rule(r"\b(my name is|call me) (?P<name>[a-z]+)", "It's nice to meet you, {name}. How are you today?"),
    # What the person feels, wants, has and thinks.
    _rule(
        rf"\b(i am|i'm|i feel) {_VERY}(?P<rest>afraid|alone|angry|bored|ill|lonely|sad|sick|tired|unhappy)\b",
        "I'm sorry that you are {rest}. What has happened?",
    ),
    _rule(
        rf"^((i am|i'm|i feel) )?{_VERY}(fine|good|great|happy|okay|well)( today| too| also| thanks| thank you)*$",
        "I'm happy to hear that. What are you doing today?",
    ),
    _rule(r"\b(thanks|thank you)\b", "You're welcome. What would you like to know?"),
    _rule(r"\bmerci\b", "Avec plaisir."),
    _rule(r"\bi (really )?(like|love|enjoy) (?P<rest>.+)", "What do you like most about {rest}?"),
    _rule(r"\bi (do not|don't) (like|want|know)\b", "That is all right. What would you like to talk about?"),
    _rule(r"\bi (want|need|would like) (?P<rest>.+)", "Why do you want {rest}?"),
    _rule(r"\bi (think|believe|guess)\b", "Why do you think so?", "That may be true. Why do you think so?"),
    _rule(r"\b(i am|i'm) (?P<rest>.+)", "So you are {rest}. What do you like about that?"),
    # Questions that rules cannot answer.
    _rule(
        r"\b(tell me|talk|speak) (something )?about (?P<rest>.+)",
        "I don't know much about {rest}. What do you know about it?",
    ),
    _rule(r"\bdo you (like|love|enjoy) (?P<rest>.+)", "I think I would like {rest}. What about you?"),
    _rule(r"\b(can|could|will|would) you (please )?(?P<rest>.+)", "I wish I could {rest}. What else can we do?"),
    _rule(r"^why\b", "I don't know why. What do you think?"),
    _rule(
        r"^(what|who|whom|whose|where|when|which|how)\b",
        "That is a good question. What do you think?",
        "I don't know that yet. What do you think?",
    ),
    _rule(
        r"^(am|are|is|was|were|do|does|did|have|has|can|could|will|would|should) ",
        "I'm not sure, but I think so. What do you think?",
    ),
    # The rest.
    _rule(r"^(yes|yeah|sure|of course|okay|right|please)\b", "That's good. I would like to hear more."),
    _rule(r"^(no|never|not really|nope)\b", "All right. What would you like to talk about?"),
    _rule(
        r"^(?:\w+ ){0,2}(my|i|we|our)\b",
        "{turned}. I would like to hear more about that.",
        "{turned}. How do you feel about that?",
    ),
    _rule(
        r"",
        "Please go on. I would like to hear more.",
        "That is interesting. How do you feel about it?",
        "What happened then?",
        "I understand. Please go on.",
    ),
)
"""Every rule for a turn that holds words, in the order they are tried. The last one always fits."""
