"""Which language is spoken in a stream whose caller has not said so."""

from stt_proxy.recognition import SAMPLE_RATE

_SURE = 0.8
"""The certainty from which a change of language is accepted."""

_ENOUGH = int(1.5 * SAMPLE_RATE)
"""Samples from which a window's language is accepted. A "yes" alone may be of several languages."""


class SpokenLanguage:
    """The language of a stream: `told` by its caller, empty: to be found out; and `likely`, the last that was sure."""

    def __init__(self, told: str = "", likely: str = "") -> None:
        self.told = told
        self.likely = told or likely

    def note(self, language: str, certainty: float, length: int) -> bool:
        """Take in the language of a window of so many samples; whether it is sure."""
        sure = bool(language) and certainty >= _SURE and length >= _ENOUGH
        if sure:
            self.likely = language
        return sure
