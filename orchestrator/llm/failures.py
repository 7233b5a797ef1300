"""How a language model fails, without repeating its server's text, and whether asking once more may help."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx2
import openai

from mesh.errors import UpstreamDown
from orchestrator.llm.connection import Trouble, trouble
from orchestrator.llm.response import ErrorInAnswer

RETRY_AFTER_S = 0.1
"""The least pause before a failed request is made again: a kept connection may have been closed meanwhile."""
_LONGEST_PAUSE_S = 2.0
"""The longest `Retry-After` that is waited for. After a longer one the conversation apologises at once."""
_PASSING = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS))
"""The refusals that, like any 5xx, may be over a moment later."""

_BAD_VALUES = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""What comes of an answer that is not as it should be: `openai` trusts a server to send what it should."""

_UNREADABLE = "the language model's answer could not be read"
_TOO_LONG = "the language model took too long"


class LanguageModelFailed(UpstreamDown):
    """The language model could not answer, or stopped in the middle.

    With `retry_after` set, asking again may help, so many seconds later.
    """

    default_reason = "LLM_FAILED"

    @property
    def status(self) -> int | None:
        """The HTTP status of the refusal, if it was one."""
        return self.__cause__.status_code if isinstance(self.__cause__, openai.APIStatusError) else None

    @property
    def is_late(self) -> bool:
        """Whether it took too long."""
        return isinstance(self.__cause__, TimeoutError | httpx2.TimeoutException)

    @property
    def was_not_taken(self) -> bool:
        """Whether the request was refused or reset before any answer, as by a server that stops or starts."""
        unanswered = isinstance(self.__cause__, openai.APIConnectionError)
        return unanswered and self.trouble in (Trouble.REFUSED, Trouble.LOST)

    @property
    def trouble(self) -> Trouble | None:
        """Why there was no connection, if that is it."""
        return None if self.status is not None else trouble(self.__cause__)


@contextmanager
def failures(lost: str = "the language model cannot be reached") -> Iterator[None]:
    """Raise `LanguageModelFailed` for whatever goes wrong with the server meanwhile; `lost`: without a connection."""
    try:
        yield
    except TimeoutError as error:
        raise LanguageModelFailed(_TOO_LONG) from error
    except httpx2.TimeoutException as error:
        raise LanguageModelFailed(_TOO_LONG) from error
    except httpx2.HTTPError as error:
        raise LanguageModelFailed(lost, retry_after=RETRY_AFTER_S) from error
    except ErrorInAnswer as error:
        raise LanguageModelFailed("the language model broke off with an error", retry_after=RETRY_AFTER_S) from error
    except openai.OpenAIError as error:
        raise LanguageModelFailed(_described(error, lost), retry_after=_pause(error)) from error
    except _BAD_VALUES as error:
        raise LanguageModelFailed(_UNREADABLE, retry_after=RETRY_AFTER_S) from error


def _described(error: openai.OpenAIError, lost: str) -> str:
    """Say what went wrong without repeating what the server said: its text may hold the prompt or the key."""
    match error:
        case openai.APITimeoutError():
            return _TOO_LONG
        case openai.APIConnectionError():
            return lost
        case openai.AuthenticationError():
            return "the language model refused the key"
        case openai.NotFoundError():
            return "the language model server does not know this model"
        case openai.RateLimitError():
            return "the language model has too much to do"
        case openai.APIStatusError():
            return f"the language model answered with HTTP {error.status_code}"
        case openai.APIError():
            return "the language model broke off with an error"
        case _:
            return _UNREADABLE


def _pause(error: openai.OpenAIError) -> float | None:
    """Say how many seconds later asking again may help; None: it will not."""
    if isinstance(error, openai.APITimeoutError) and not isinstance(error.__cause__, httpx2.ConnectTimeout):
        return None  # Whoever asks again goes to the end of the queue.
    if not isinstance(error, openai.APIStatusError):
        return RETRY_AFTER_S
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and error.status_code not in _PASSING:
        return None
    asked = _seconds(error.response.headers.get("retry-after"))
    return None if asked > _LONGEST_PAUSE_S else max(asked, RETRY_AFTER_S)


def _seconds(retry_after: str | None) -> float:
    """Read a `Retry-After`; one that is a date is long."""
    try:
        return float(retry_after or 0)
    except ValueError:
        return float("inf")
