"""Options of the synthesis."""

from typing import Annotated

import msgspec

from standins.moshi import MoshiOptions


class TtsOptions(MoshiOptions, frozen=True, kw_only=True):
    """How it speaks. Times are in seconds, frames are 80 ms."""

    speed: Annotated[float, msgspec.Meta(gt=0)] = 4.0
    """How many times faster than it is heard speech is made."""
    first_audio_s: Annotated[float, msgspec.Meta(ge=0)] = 0.15
    """From when it could begin to the first audio."""
    look_ahead: Annotated[int, msgspec.Meta(ge=0)] = 2
    """How many words it must know beyond the one it speaks."""
    word_frames: Annotated[int, msgspec.Meta(ge=1)] = 4
    """How long a word is."""
    text_lead_frames: Annotated[int, msgspec.Meta(ge=0)] = 16
    """By how much the times of words may come ahead of their audio."""
    silence_limit_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """Of nothing received, after which the connection is dropped."""
