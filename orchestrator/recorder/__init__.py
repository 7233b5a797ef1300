"""Recordings: files that hold a conversation's events, when each happened, its actions, and its replies' audio.

A recording exists only where the person consents. It begins with the state of the core, so that the core, given the
same events at the same times, must decide the same again.

* `recorder`: what one session records, and whether it may
* `files`: the folder, and one file, written by a thread of its own
* `records`: the lines of a file, with events and actions as JSON objects
* `reading`: reads a file, and replays it
"""

from orchestrator.recorder.files import Recordings
from orchestrator.recorder.recorder import Recorder

__all__ = ["Recorder", "Recordings"]
