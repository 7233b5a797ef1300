"""What opening a stream goes by; apart, so that settings can be read without loading what opens streams."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How streams are opened."""

    most_leases: int
    """Streams at once."""
    try_limit_s: float
    """How long one server may take to be ready."""
    search_limit_s: float
    """How long finding one may take."""
