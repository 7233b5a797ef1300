"""How often an address may donate in a day."""

import contextlib

import pytest

from edge.access.quota import DailyQuota, QuotaUsedUp

HOUR_S = 3_600.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def use(quota: DailyQuota, address: str, times: int = 1) -> None:
    for _ in range(times):
        with quota.one_more(address):
            pass


@pytest.mark.parametrize(
    ("address", "same", "other"),
    [("10.0.0.1", "10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"), ("", "", "10.0.0.1")],
)
def test_an_address_has_so_many_a_day(address: str, same: str, other: str) -> None:
    clock = Clock()
    quota = DailyQuota(2, clock)
    use(quota, address, 2)
    use(quota, other, 2)
    clock.now = 20 * HOUR_S
    for asked in (quota.check, lambda each: use(quota, each)):
        with pytest.raises(QuotaUsedUp) as caught:
            asked(same)
        assert caught.value.retry_after_s == 4 * HOUR_S
    clock.now = 24 * HOUR_S
    use(quota, same, 2)


def test_what_fails_does_not_count() -> None:
    quota = DailyQuota(1)
    for _ in range(3):
        with contextlib.suppress(ValueError), quota.one_more("10.0.0.1"):
            raise ValueError
    use(quota, "10.0.0.1")


def test_zero_is_no_limit() -> None:
    use(DailyQuota(0), "10.0.0.1", 1_000)


def test_a_flood_of_addresses_takes_no_more_memory() -> None:
    quota = DailyQuota(1)
    for number in range(150_000):
        use(quota, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    assert len(quota._done) <= 100_001
