"""Both sides of a conversation, printed word by word as they come."""

import click

from launcher.calling.transport import Event, Notice, ReplyEnded, ReplyWord, UserWord

_COLOURS = {"you": "cyan", "parley": "green"}
_WIDTH = max(map(len, _COLOURS))


class Transcript:
    """Prints words to standard output, a new line where the speaker changes, and remarks to standard error."""

    def __init__(self) -> None:
        self._speaker: str | None = None

    def show(self, event: Event) -> None:
        """Print what is to be read of an event."""
        match event:
            case UserWord(text=text):
                self._say("you", text)
            case ReplyWord(text=text):
                self._say("parley", text)
            case ReplyEnded(complete=complete) if self._speaker == "parley":
                self.end("" if complete else " …")
            case Notice(text=text):
                self.end()
                click.echo(text, err=True)
            case _:
                pass

    def end(self, last: str = "") -> None:
        """End the line that is being printed, if there is one."""
        if self._speaker is not None:
            click.echo(last)
            self._speaker = None

    def _say(self, speaker: str, word: str) -> None:
        if speaker != self._speaker:
            self.end()
            click.echo(click.style(f"{speaker:>{_WIDTH}}:", fg=_COLOURS[speaker]), nl=False)
            self._speaker = speaker
        click.echo(f" {word.strip()}", nl=False)
