"""Options of the recogniser."""

from typing import Annotated

import msgspec

from standins.moshi import MoshiOptions


class SttOptions(MoshiOptions, frozen=True, kw_only=True):
    """How it hears. Times are in seconds, frames are 80 ms."""

    step_s: Annotated[float, msgspec.Meta(ge=0)] = 0.01
    """How long a step of the model takes, in which every slot that has a frame gets it recognised."""
    delay_frames: Annotated[int, msgspec.Meta(ge=0, le=250)] = 6
    """By how much words come later than their end."""
    pause_frames: Annotated[int, msgspec.Meta(ge=1)] = 5
    """After how many silent frames the heads report a pause."""
    word_frames: Annotated[int, msgspec.Meta(ge=1)] = 5
    """How long a word is: 5 are 2.5 words a second."""
    energy: Annotated[float, msgspec.Meta(gt=0)] = 0.01
    """The root mean square from which on a frame is speech."""
    warm_up_steps: Annotated[int, msgspec.Meta(ge=0)] = 12
    """The first steps of a connection, whose pause scores mean nothing."""
    script: tuple[str, ...] = ()
    """What is heard: the first stretch of speech of a connection is the first text, and so on, from the start again
    after the last. Empty: words of no meaning for as long as somebody speaks."""
    binary_limit_s: Annotated[float, msgspec.Meta(gt=0)] = 120.0
    """Of no binary message, after which the connection is dropped."""
