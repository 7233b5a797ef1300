"""What parsers are fed: the inputs of those who are in order, damaged; and plain bytes."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

_ODD = (
    b"",
    b"\0",
    b"\xff" * 4,
    b"\n",
    b"{",
    b"]",
    b'"',
    b"-1",
    b"1e999",
    b"\xed\xa0\x80",
    b"\x7f\xff\xff\xff",
    b"[" * 200,
)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just("9" * 400),
)


def inputs(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Any bytes, of which most are seeds that were damaged."""
    return st.one_of(_damaged(seeds), _damaged(seeds), _with_other_values(seeds), st.binary(max_size=200))


@st.composite
def _damaged(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A seed in which a few stretches were replaced, repeated, left out, or cut off."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 5))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.sampled_from((0, 1, 1, 2, 4, 16, 1_000))))
        other = draw(
            st.one_of(
                st.binary(min_size=1, max_size=4),
                st.sampled_from(_ODD),
                st.just(data[begin:end] * 2),
                st.sampled_from(seeds),
            )
        )
        data = data[:begin] + other + data[end:]
    return data


@st.composite
def _with_other_values(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A seed of JSON lines in which values were exchanged; another seed as it is, with a byte behind it."""
    seed = draw(st.sampled_from(seeds))
    lines = []
    for line in seed.split(b"\n"):
        prefix, brace, rest = line.partition(b"{")
        try:
            value = json.loads(brace + rest)
        except ValueError:
            lines.append(line + draw(st.binary(max_size=1)))
            continue
        lines.append(prefix + json.dumps(_exchanged(draw, value)).encode())
    return b"\n".join(lines)


def _exchanged(draw: st.DrawFn, value: Any) -> Any:
    """The value, or another one in its place or somewhere within."""
    if draw(st.integers(0, 3)) == 0:
        return draw(_VALUES)
    if isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: _exchanged(draw, value[name])}
    if isinstance(value, list) and value:
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], _exchanged(draw, value[place]), *value[place + 1 :]]
    return draw(_VALUES)
