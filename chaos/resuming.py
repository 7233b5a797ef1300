"""What a client keeps so that it can go on with its conversation on another connection.

It keeps the token that the edge gave it, the words of the turn that is open, what it has seen of the reply in progress,
and its microphone: everything from the last word that was recognised is sent again.
"""

from typing import Any

from mesh.audio import FRAME_S

_SENT_AGAIN_LIMIT_S = 10.0
"""How much of the microphone is sent again at most."""


class Resumption:
    """The state of one client. Feed it every event; ask it when a connection was lost."""

    def __init__(self) -> None:
        self.token: str | None = None
        """What the edge gave, in base64. It works once."""
        self._words: list[dict[str, Any]] = []
        self._is_turn_open = False
        self._certain_s = 0.0
        """The end of the last word, of the session."""
        self._reply: str | None = None
        self._text = ""
        self._heard: list[str] = []

    def feed(self, name: str, body: dict[str, Any]) -> None:
        """Take in an event, by its JSON name."""
        match name:
            case "checkpoint" if "state" in body:
                self.token = body["state"]
            case "userSpeechStarted":
                self._words, self._is_turn_open = [], True
            case "userWordRecognized":
                self._certain_s = max(self._certain_s, _seconds(body.get("endOffset")))
                if self._is_turn_open:
                    self._words.append(body)
            case "userTurnEnded" | "userTurnDiscarded":
                self._words, self._is_turn_open = [], False
            case "replyCreated":
                self._reply, self._text, self._heard = body["replyId"], "", []
            case "replyTextDelta" if body["replyId"] == self._reply:
                self._text += body["text"]
            case "replyWordSpoken" if body["replyId"] == self._reply:
                self._heard.append(body["text"])
            case "replyFinished" | "replyCancelled" if body["replyId"] == self._reply:
                self._reply = None
            case _:
                pass

    def config(self, sent_frames: int) -> tuple[dict[str, Any], int]:
        """`ConverseConfig.resume` for the next connection, and the frame from which on the microphone is sent again."""
        sent_s = sent_frames * FRAME_S
        first = int(max(self._certain_s, sent_s - _SENT_AGAIN_LIMIT_S, 0.0) / FRAME_S)
        first = min(first, sent_frames)
        resume: dict[str, Any] = {"checkpoint": self.token, "audioOffset": f"{first * FRAME_S:.3f}s"}
        if self._is_turn_open:
            resume["words"] = self._words
        if self._reply is not None:
            # The last word began, and was perhaps cut.
            heard = " ".join(self._heard[:-1])
            resume["reply"] = {"replyId": self._reply, "text": self._text, "heardText": heard}
        return resume, first


def _seconds(duration: str | None) -> float:
    """A duration in protobuf's JSON."""
    return float(duration.removesuffix("s")) if duration else 0.0
