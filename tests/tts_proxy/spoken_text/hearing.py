"""What is heard of a text that a voice speaks, in one way of writing."""
# ruff: noqa: RUF001 - typographic marks are what this is about

import re
import unicodedata

_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        (
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
                "twelve",
            ),
            *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
        )
    )
} | {"thirty": "30", "fifty": "50", "sixty": "60"}
_AS_SAID = (
    (r"(?<=\d),(?=\d{3})", ""),
    (r"\$(\d+)\.(\d\d)\b", r"\1 dollars and \2 cents"),
    (r"\$1\b(?!\.)", "1 dollar"),
    (r"\$([\d.]+)( million)?", r"\1\2 dollars"),
    (r"€([\d.]+)|([\d.,]+) ?€", r"\1\2 euros"),
    (r"£([\d.]+)( million)?", r"\1\2 pounds"),
    (r"(?<=\d)-(?=\d)", " "),
    (r"\b1st\b", "first"),
    (r"\b2nd\b", "second"),
    (r"(?<!\w)-(?=\d)", "minus "),
    (r"\bkm/h\b|\bkm per hour\b|\bkph\b", "kilometers per hour"),
    (r"\bkm\b", "kilometers"),
    (r"\bkg\b", "kilograms"),
    (r"(?<=\d) ?g\b", " grams"),
    (r"\bgb\b", "gigabytes"),
    (r"° ?c\b", " degrees celsius"),
    (r"°", " degrees "),
    (r"(\w)\.(com|org|net)\b", r"\1 dot \2"),
    (r"\bcalm\b", "com"),
    (r"(?<!\w)\.(?=net\b)", "dot "),
    (r"/", " slash "),
    (r"@", " at "),
    (r"%", " percent "),
    (r"&", " and "),
    (r"\+", " plus "),
    (r"[×]|(?<=\d) ?x ?(?=\d)", " times "),
    (r"÷", " divided by "),
    (r"=", " equals "),
    (r"<", " less than "),
    (r">", " greater than "),
    (r"²", " squared "),
    (r"³", " cubed "),
    (r"\^", " to the power of "),
    (r"\bokay\b", "ok"),
    (r"\bequal\b", "equals"),
    (r"\ba\.m\.?|\bp\.m\.?", lambda found: found[0][0] + "m"),
)
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u3041-\u30ff\u3400-\u9fff])")


def words(text: str) -> list[str]:
    """Return the words of a transcript, or of what is expected in it, as said; without spaces, its letters."""
    plain = unicodedata.normalize("NFKC", text.replace("²", "\ue000").replace("³", "\ue001")).lower().replace("’", "'")
    plain = plain.replace("\ue000", "²").replace("\ue001", "³")
    for pattern, said in _AS_SAID:
        plain = re.sub(pattern, said, plain)
    found = re.findall(r"\d+(?:[.:]\d+)*|[^\W\d]+(?:'[^\W\d]+)?", _UNSPACED.sub(r" \1 ", plain))
    return [_NUMBERS.get(word, word) for word in found]


def holds(transcript: str, phrase: str) -> bool:
    """Whether a phrase was heard, all of it and in one piece."""
    return f" {' '.join(words(phrase))} " in f" {' '.join(words(transcript))} "


def share(transcript: str, phrase: str) -> tuple[int, int]:
    """Return how many words of a phrase were heard, in their order, and how many it has."""
    wanted, found = words(phrase), words(transcript)
    longest = [[0] * (len(found) + 1) for _ in range(len(wanted) + 1)]
    for i, word in enumerate(wanted):
        for j, other in enumerate(found):
            longest[i + 1][j + 1] = longest[i][j] + 1 if word == other else max(longest[i][j + 1], longest[i + 1][j])
    return longest[-1][-1], len(wanted)
