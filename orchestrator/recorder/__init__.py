"""Recordings: what a conversation was told, when, and what it decided; with the replies' sound.

A recording is a file of JSON lines (`lines`). It begins with the state of the core, so that the core, told the same
events at the same times, must decide the same again (`replay`). A session's `Recorder` begins one when the person
consents, and `Recordings` keeps the folder.
"""

from orchestrator.recorder.recorder import Recorder
from orchestrator.recorder.recordings import Recordings

__all__ = ["Recorder", "Recordings"]
