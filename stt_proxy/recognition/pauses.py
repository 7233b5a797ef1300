"""The pause score: the probability that the speaker is pausing.

A detector returns the probability that a short chunk is speech. That alone is no pause score: a cough may begin like a
vowel, and a sentence has gaps. So the score follows the evidence, fast towards speech and slowly towards a pause:

* from a pause, about 0.17 s of clear speech take it below `SPEAKING_BELOW`. After less speech it returns at the same
  rate, as it does after coughs, clicks and breath;
* while someone speaks, about 0.35 s of clear silence take it above `PAUSING_ABOVE`. Detectors
  notice the end of speech some 0.15 s late, so this is half a second of real silence. Ordinary gaps between words are
  shorter.
"""

SPEAKING_BELOW = 0.4
"""A score below this means that the person has begun to speak.

The orchestrator decides by the same two numbers (orchestrator/conversation/policy.py): change both together.
"""

PAUSING_ABOVE = 0.6
"""A score above this means that the person has paused."""

_FALL = 3.75
"""Score per second of certain speech, and of certain silence before speech is established."""

_RISE = 1.72
"""Score per second of certain silence after speech."""

_EVEN = 0.4
"""The detector's probability at which the score stays as it is. It is below one half because detectors are less sure of
quiet speech than of noise."""

_CERTAIN = 0.35
"""The distance from `_EVEN` at which the score moves at its full rate."""


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
