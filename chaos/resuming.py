"""What a client keeps so that it can go on with its conversation on another connection: its token, and the reply."""

from typing import Any


class Resumption:
    """The state of one client. Feed it every event; ask it when a connection was lost."""

    def __init__(self) -> None:
        self.token: str | None = None
        """What the edge gave, in base64. It works once."""
        self._reply: str | None = None
        self._text = ""
        self._heard: list[str] = []

    def feed(self, name: str, body: dict[str, Any]) -> None:
        """Take in an event, by its JSON name."""
        match name:
            case "checkpoint" if "state" in body:
                self.token = body["state"]
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

    def config(self) -> dict[str, Any]:
        """`ConverseConfig.resume` for the next connection."""
        resume: dict[str, Any] = {"checkpoint": self.token}
        if self._reply is not None:
            # The last word began, and was perhaps cut.
            heard = " ".join(self._heard[:-1])
            resume["reply"] = {"replyId": self._reply, "text": self._text, "heardText": heard}
        return resume
