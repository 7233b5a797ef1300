"""How likely it is that the speaker is pausing.

A detector tells how probably each short chunk is speech. That alone is no pause score: a cough may begin like a vowel,
and a sentence has gaps. So the score moves by evidence, one way fast and the other slowly:

* from a pause, about 0.17 s of clear speech take it below `SPEAKING_BELOW`; less falls back at the same rate, which is
  what happens to coughs, clicks and breath;
* while someone speaks, about 0.35 s of clear silence take it above `PAUSING_ABOVE`. Detectors let go of speech some
  0.15 s late, which makes it half a second of real silence; ordinary gaps between words are shorter.
"""

SPEAKING_BELOW = 0.4
"""Someone began to speak when the score falls below this.

The orchestrator decides by the same two numbers (orchestrator/conversation/policy.py): change both together.
"""

PAUSING_ABOVE = 0.6
"""Who was speaking pauses when the score rises above this."""

_FALL = 3.75
"""Score per second of certain speech, and of certain silence before speech is established."""

_RISE = 1.72
"""Score per second of certain silence after speech."""

_EVEN = 0.4
"""The detector's probability that speaks for neither side. Detectors are less sure of quiet speech than of noise."""

_CERTAIN = 0.35
"""How far from `_EVEN` a probability counts in full."""


class PauseScore:
    """The running score of one stream: `probability` from 0 (certainly speaking) to 1 (certainly pausing)."""

    def __init__(self) -> None:
        self.probability = 1.0
        self.speaking = False

    def feed(self, speech: float, lasting: float) -> None:
        """Take in the detector's probability of speech for the next `lasting` seconds."""
        evidence = min(1.0, max(-1.0, (speech - _EVEN) / _CERTAIN)) * lasting
        rate = _RISE if self.speaking and evidence < 0 else _FALL
        self.probability = min(1.0, max(0.0, self.probability - evidence * rate))
        if self.probability < SPEAKING_BELOW:
            self.speaking = True
        elif self.probability > PAUSING_ABOVE:
            self.speaking = False
