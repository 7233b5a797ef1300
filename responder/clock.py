"""Times and dates in words, as a person says them."""

from datetime import datetime

_NUMBERS = (  # noqa: SIM905 - as a list it would fill the page
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_TENS = {20: "twenty", 30: "thirty"}
_ORDINALS = (  # noqa: SIM905 - as a list it would fill the page
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
_ROUND_MINUTES = {15: "a quarter", 30: "half"}


def spoken_time(now: datetime) -> str:
    """The time to the minute: "twenty past three in the afternoon"."""
    if now.minute <= 30:  # noqa: PLR2004 - from the half hour on, people count towards the next hour
        minutes, relation, hour = now.minute, "past", now.hour
    else:
        minutes, relation, hour = 60 - now.minute, "to", now.hour + 1
    hour_word = _NUMBERS[(hour - 1) % 12 + 1]
    clock = f"{_minutes(minutes)} {relation} {hour_word}" if minutes else f"{hour_word} o'clock"
    return f"{clock} {_part_of_day(now.hour)}"


def spoken_date(now: datetime) -> str:
    """The day: "Monday, the third of November"."""
    return f"{now:%A}, the {_ordinal(now.day)} of {now:%B}"


def _minutes(count: int) -> str:
    if count in _ROUND_MINUTES:
        return _ROUND_MINUTES[count]
    if count % 5 == 0:
        return _number(count)
    return f"{_number(count)} {'minute' if count == 1 else 'minutes'}"


def _number(value: int) -> str:
    if value < len(_NUMBERS):
        return _NUMBERS[value]
    return f"{_TENS[value // 10 * 10]} {_NUMBERS[value % 10]}"


def _ordinal(day: int) -> str:
    if day <= len(_ORDINALS):
        return _ORDINALS[day - 1]
    return "thirtieth" if day % 10 == 0 else f"{_TENS[day // 10 * 10]} {_ORDINALS[day % 10 - 1]}"


def _part_of_day(hour: int) -> str:
    for end, part in ((5, "at night"), (12, "in the morning"), (18, "in the afternoon"), (22, "in the evening")):
        if hour < end:
            return part
    return "at night"
