"""How many sessions an address may have."""

import pytest

from edge.access.admission import PerAddressLimit, TooManyFromAddress


def test_one_too_many_is_refused_until_one_is_over() -> None:
    limit = PerAddressLimit(2)
    with limit.one_more("203.0.113.1"):
        with limit.one_more("203.0.113.1"), pytest.raises(TooManyFromAddress), limit.one_more("203.0.113.1"):
            pass
        with limit.one_more("203.0.113.1"):
            pass


@pytest.mark.parametrize(
    ("one", "other"),
    [("203.0.113.1", "203.0.113.2"), ("2001:db8::1", "2001:db8:0:1::1"), ("::1", "127.0.0.1"), ("_hidden", "_other")],
)
def test_each_address_has_its_own(one: str, other: str) -> None:
    limit = PerAddressLimit(1)
    with limit.one_more(one), limit.one_more(other):
        pass


@pytest.mark.parametrize(
    ("one", "other"),
    [("203.0.113.1", "::ffff:203.0.113.1"), ("2001:db8::1", "2001:db8::ffff:0:0:1"), ("", "")],
)
def test_one_who_has_several_counts_once(one: str, other: str) -> None:
    limit = PerAddressLimit(1)
    with limit.one_more(one), pytest.raises(TooManyFromAddress), limit.one_more(other):
        pass


def test_without_a_limit_any_number() -> None:
    limit = PerAddressLimit(0)
    with limit.one_more("203.0.113.1"), limit.one_more("203.0.113.1"):
        pass


def test_who_has_gone_is_forgotten() -> None:
    limit = PerAddressLimit(1)
    with limit.one_more("203.0.113.1"):
        pass
    assert not limit._sessions
