"""What a server takes of a conversation: how much of it, and in which roles. Refusals tell.

Servers refuse a conversation that is longer than their model's context, and chat templates of some models know no
system role. No two families of servers use the same words, and few send a code.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.conversation.transcript import Message, Role, bounded, size

_MOST_CHARACTERS = 100_000
"""Of the history that any server is sent: about 25,000 tokens of English, an hour or two of talk."""
_SMALLER = 0.7
"""What is kept of a conversation that was refused, if the refusal does not say how long it was and may be."""
_MARGIN = 0.9
"""Room for the answer, and for words that cost more tokens than the average."""
_LEAST_RATIO = 0.3

_GO_ON = "Go on exactly where you stopped."

_TOO_LONG = re.compile(
    r"context[ _-]*(?:length|size|window|limit)|exceed_context|maximum (?:prompt|input|context|sequence) length"
    r"|(?:prompt|input|request|messages?)(?: \([^)]*\))? (?:is|are|was) (?:too long|longer than)"
    r"|too many (?:input )?tokens|exceed\w* (?:the )?(?:\w+ ){0,3}(?:token|length|context)"
    r"|tokens?(?: count)?(?: \([^)]*\)| of \d+)? exceeds|reduce the length of|`?inputs`? tokens"
    r"|input length should be|larger than the (?:maximum )?context|tokens to keep from the initial prompt"
    r"|prompt (?:\u8d85\u957f|length exceeds)",
    re.IGNORECASE,
)
_NO_SYSTEM_ROLE = re.compile(
    r"system[ '\"`]*(?:role|messages?|prompts?|instructions?)\b.{0,40}(?:not |un)"
    r"(?:supported|enabled|allowed|available)"
    r"|(?:developer|system)[ _]instructions? (?:is|are) not|not support[^.]{0,20} ['\"`]?(?:system|developer)\b"
    r"|roles? must alternate|only ['\"`]?user['\"`]?,? (?:and|or) ['\"`]?(?:assistant|model)['\"`]? roles?"
    r"|(?:unknown|invalid|unexpected|unsupported) (?:message )?role:? ['\"`]?system",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+|\d+")
_LEAST_LIMIT = 64


def is_about_length(refusal: str) -> bool:
    """Whether a refusal says that the conversation is too long."""
    return _TOO_LONG.search(refusal) is not None


@dataclass(frozen=True, slots=True)
class ConversationShape:
    """How a server is shown a conversation."""

    most_characters: int = _MOST_CHARACTERS
    """Of all messages together. Older turns are left out."""
    system_role: bool = True
    """It knows the system role. Otherwise the instructions begin the person's first turn."""
    answer_begun: bool = True
    """It goes on with an answer that has begun, which comes last. Otherwise the person asks for the rest."""

    def shown(self, messages: Sequence[Message]) -> list[Message]:
        """Return what the server is sent of a conversation."""
        kept = bounded(messages, self.most_characters)
        if not self.answer_begun and kept and kept[-1].role is Role.ASSISTANT:
            kept.append(Message(Role.USER, _GO_ON))
        if self.system_role or not kept or kept[0].role is not Role.SYSTEM:
            return kept
        instructions, *turns = kept
        if turns and turns[0].role is Role.USER:
            return [Message(Role.USER, f"{instructions.text}\n\n{turns[0].text}"), *turns[1:]]
        return [Message(Role.USER, instructions.text), *turns]

    def without_rejected(self, refusal: str, shown: Sequence[Message]) -> "ConversationShape | None":
        """Return how to show a conversation after `refusal` of `shown`; None: nothing in it can be changed."""
        if is_about_length(refusal):
            smaller = replace(self, most_characters=int(size(shown) * _ratio(refusal)))
            return smaller if len(smaller.shown(shown)) < len(shown) else self._smaller(shown)
        if self.system_role and shown and shown[0].role is Role.SYSTEM and _NO_SYSTEM_ROLE.search(refusal):
            return replace(self, system_role=False)
        return None

    def without_begun_answer(self, shown: Sequence[Message]) -> "ConversationShape | None":
        """Return how to show a conversation that was refused and ends with an answer that has begun; None: none."""
        if self.answer_begun and shown and shown[-1].role is Role.ASSISTANT:
            return replace(self, answer_begun=False)
        return None

    def _smaller(self, shown: Sequence[Message]) -> "ConversationShape | None":
        """Leave out at least the oldest turn."""
        fewer = bounded(shown, size(shown) - 1)
        return replace(self, most_characters=size(fewer)) if len(fewer) < len(shown) else None


def _ratio(refusal: str) -> float:
    """What share of a conversation may be kept, by the two sizes in tokens that a refusal names first."""
    numbers = [int(each.replace(",", "")) for each in _NUMBER.findall(refusal)]
    sizes = [each for each in numbers if each >= _LEAST_LIMIT][:2]
    match sizes:
        case [one, other] if one != other:
            return max(min(sizes) / max(sizes) * _MARGIN, _LEAST_RATIO)
        case _:
            return _SMALLER
