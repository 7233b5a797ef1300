"""What the responder says, and to what: one table, the first row that fits wins.

A pattern is searched in the person's last words, lower-case and without punctuation. In an answer `{rest}` is the
pattern's group of that name, turned around ("my dog" becomes "your dog"); `{time}`, `{date}`, `{said}` (the answer
before), `{known_name}` (what the person said their name was) and `{turned}` (all the words, turned around) come from
the conversation. A row whose answers need something that is not known is passed over.

Answers are short and made of plain words, so that they are easy to speak and a recogniser understands them.
"""

import re
from typing import NamedTuple

SILENCES = (
    ("I cannot hear you. Are you still there?", "Are you still there?"),
    ("Hello? Is anyone there?", "I am still here. Are you there?"),
    ("You seem to be away, so let us talk another time. Bye!",),
)
"""Answers to the first, second and third silence in a row; the last says goodbye."""


class Rule(NamedTuple):
    """Something a person may say, and what may be answered."""

    pattern: re.Pattern[str]
    answers: tuple[str, ...]


def _rule(pattern: str, *answers: str) -> Rule:
    return Rule(re.compile(pattern), answers)


_GOODBYES = r"\b(goodbye|good bye|bye|farewell|good night)\b|^see you\b|\bi (have to|need to|must|got to) go( now)?$"
_VERY = r"(?:so |very |really |quite |a little |a bit |too )?"

RULES = (
    _rule(r"\bau revoir|à bientôt\b", "Au revoir, et à bientôt. Bye!"),
    _rule(r"\b(comment (allez|vas)|ça va)\b", "Je vais très bien, merci. Et vous ?"),
    _rule(r"\b(bonjour|bonsoir|salut)\b", "Bonjour ! Comment allez-vous ?"),
    _rule(_GOODBYES, "It was nice to talk with you. Bye!", "Thank you for the talk. Take care. Bye!"),
    _rule(
        r"^(hello|hi|hey|good (morning|afternoon|evening|day))( hello| hi| there| parley| again)*$",
        "Hello! It is good to hear you. What would you like to talk about?",
        "Hello there! How are you today?",
    ),
    _rule(
        r"\b(what did you say|(say|repeat) (it|that)|say again|repeat please|pardon)\b",
        "I said: {said}",
    ),
    # The clock.
    _rule(r"\b(what time|what is the time|what's the time|the time now|tell me the time)\b", "It is {time}."),
    _rule(
        r"\b(what|which) (day|date)\b.*\b(it|today)\b|\b(what is|what's|tell me) (the|today's) (day|date)\b",
        "Today is {date}.",
    ),
    # Who the responder is.
    _rule(r"\bhow (are|do) you( doing| feeling| do)?( today| now)?$", "I am very well, thank you. How are you?"),
    _rule(r"\b(what is|what's|tell me) my name\b|\bwho am i\b", "Your name is {known_name}. Did I get that right?"),
    _rule(r"\b(what is|what's|tell me) my name\b|\bwho am i\b", "You have not told me yet. What is your name?"),
    _rule(r"\b(your name|who are you|what are you called)\b", "My name is Parley. What is your name?"),
    _rule(
        r"\bwhat (can|do) you do\b|\bhow can you help\b|^help\b|\bwhat are you for\b",
        "I can talk with you, and I can tell you the time and the date. What would you like to hear?",
    ),
    _rule(
        r"\bare you (a |an )?(real|human|person|machine|computer|robot|program|bot|ai)\b|\bwhat are you\b",
        "I am a small computer program that likes to talk. Does that surprise you?",
    ),
    _rule(r"\bhow old are you\b|\byour age\b", "I am still very young. How old are you?"),
    _rule(r"\bwhere (are you|do you (live|come))\b", "I live inside this computer. Where do you live?"),
    _rule(r"\bwho (made|built|wrote) you\b", "I was made by people who like to talk. What do you like?"),
    _rule(
        r"\b(can|do) you hear me\b|\bare you (still )?(there|here)\b", "Yes, I can hear you well. What is on your mind?"
    ),
    # Small talk.
    _rule(
        r"\b(weather|rain|raining|snow|snowing|sunny)\b",
        "I have no window, so I cannot see the weather. Is the sun shining where you are?",
    ),
    _rule(
        r"\bjoke\b|\bmake me laugh\b",
        "Why did the chicken cross the road? To get to the other side!",
    ),
    _rule(r"\b(thanks|thank you)\b", "You are welcome. What else would you like to know?"),
    _rule(r"\bmerci\b", "Avec plaisir."),
    _rule(r"\b(my name is|call me) (?P<name>[a-z]+)", "It is nice to meet you, {name}. How are you today?"),
    # What the person feels, wants, has and thinks.
    _rule(
        rf"\b(i am|i'm|i feel) {_VERY}(?P<rest>afraid|alone|angry|bored|ill|lonely|sad|sick|tired|unhappy)\b",
        "I am sorry that you are {rest}. Do you want to tell me why?",
    ),
    _rule(
        rf"^((i am|i'm|i feel) )?{_VERY}(fine|good|great|happy|okay|well)( today| too| also)*$",
        "I am glad to hear that. What did you do today?",
    ),
    _rule(r"\bi (really )?(like|love|enjoy) (?P<rest>.+)", "What do you like most about {rest}?"),
    _rule(r"\bi (do not|don't) (like|want|know)\b", "That is all right. What would you like to talk about?"),
    _rule(r"\bi (want|need|would like) (?P<rest>.+)", "Why do you want {rest}?"),
    _rule(r"\bi (think|believe|guess)\b", "Why do you think so?", "That may be true. Why do you think so?"),
    _rule(r"\b(i am|i'm) (?P<rest>.+)", "So you are {rest}. Tell me more about that."),
    # Questions that rules cannot answer.
    _rule(
        r"\b(tell me|talk|speak) (something )?about (?P<rest>.+)",
        "I do not know much about {rest}. What do you know about it?",
    ),
    _rule(r"\bdo you (like|love|enjoy) (?P<rest>.+)", "I think that I would like {rest}. Do you?"),
    _rule(r"\b(can|could|will|would) you (please )?(?P<rest>.+)", "I wish that I could {rest}. What else can we do?"),
    _rule(r"^why\b", "I do not know why. What do you think?"),
    _rule(
        r"^(what|who|whom|whose|where|when|which|how)\b",
        "That is a good question. What do you think?",
        "I do not know that yet. Can you tell me?",
    ),
    _rule(
        r"^(am|are|is|was|were|do|does|did|have|has|can|could|will|would|should) ",
        "I think so, but I am not sure. What do you think?",
    ),
    # The rest.
    _rule(r"^(yes|yeah|sure|of course|okay|right|please)\b", "Good. Please tell me more."),
    _rule(r"^(no|never|not really|nope)\b", "All right. What would you like to talk about?"),
    _rule(
        r"^(?:\w+ ){0,2}(my|i|we|our)\b", "{turned}. Tell me more about that.", "{turned}. How do you feel about that?"
    ),
    _rule(
        r"",
        "I see. Tell me more about that.",
        "That is interesting. How do you feel about it?",
        "And what happened then?",
        "I understand. Please go on.",
    ),
)
"""Every rule for a turn that holds words, in the order they are tried. The last one always fits."""
