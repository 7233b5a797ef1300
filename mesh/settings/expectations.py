"""What a type accepts: in words, for errors and for help."""

from typing import TypeAlias

from msgspec import inspect

_Bounded: TypeAlias = inspect.IntType | inspect.FloatType


def expectation(accepted: inspect.Type) -> str:
    """The values a msgspec type accepts, as the end of "expected …": "a whole number from 0 to 65535".

    A type with a title is that.
    """
    match accepted:
        case inspect.Metadata(extra_json_schema={"title": str() as words}):
            return words
        case inspect.Metadata(type=inner):
            return expectation(inner)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number{_bounds(accepted)}"
        case inspect.FloatType():
            return f"a number{_bounds(accepted)}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(str(value) for value in values)}"
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return f"a list separated by commas, each {expectation(item)}"
        case inspect.DictType():
            return "a JSON object"
        case inspect.UnionType(types=types):
            return " or ".join(expectation(each) for each in types if not isinstance(each, inspect.NoneType))
        case inspect.StrType(pattern=str() as pattern):
            return f"a text that matches {pattern}"
        case _:
            return "a text"


def accepts_list(accepted: inspect.Type) -> bool:
    """Whether the values of a msgspec type are lists."""
    return _accepts(accepted, inspect.VarTupleType, inspect.ListType)


def accepts_object(accepted: inspect.Type) -> bool:
    """Whether the values of a msgspec type are objects of JSON."""
    return _accepts(accepted, inspect.DictType)


def _accepts(accepted: inspect.Type, *kinds: type[inspect.Type]) -> bool:
    match accepted:
        case inspect.Metadata(type=inner):
            return _accepts(inner, *kinds)
        case inspect.UnionType(types=types):
            return any(_accepts(each, *kinds) for each in types)
        case _:
            return isinstance(accepted, kinds)


def _bounds(number: _Bounded) -> str:
    """The range of a number, as words that follow it."""
    low, high = number.ge, number.le
    if low is not None and high is not None:
        return f" from {low} to {high}"
    limits = {"above": number.gt, "at least": low, "below": number.lt, "at most": high}
    told = [f" {word} {limit}" for word, limit in limits.items() if limit is not None]
    return " and".join(told)
