"""What a check is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from launcher.checks.finding import Finding
from launcher.checks.situation import Situation

Check: TypeAlias = Callable[[Situation], Awaitable[Sequence[Finding]]]
"""Looks at one thing. May take long and may fail; it is watched."""
