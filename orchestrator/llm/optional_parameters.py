"""Parameters of a request that it can do without: a temperature, and switches for the model's reasoning.

There is no common way to switch reasoning off, and servers differ in what they do with parameters that they do not
know: some ignore them, some refuse the whole request (400 or 422) and say which ones they mean.
"""

from dataclasses import dataclass, replace
from typing import Any

_EFFORTS = ("none", "minimal", "low")
"""From the one preferred on. A model whose server knows "none" does not reason at all."""


@dataclass(frozen=True, slots=True)
class OptionalParameters:
    """Which of these parameters a server is still sent."""

    temperature: bool = True
    """Send the temperature. OpenAI's reasoning models refuse it."""
    effort: str | None = _EFFORTS[0]
    """The reasoning effort to ask for: OpenAI, Ollama, llama.cpp, OpenRouter, Gemini, Groq. None: not sent."""
    template: bool = True
    """Ask the model's chat template not to begin with reasoning: vLLM, SGLang, llama.cpp."""

    def parameters(self, temperature: float) -> dict[str, Any]:
        """Return them as fields of a request."""
        wanted: dict[str, Any] = {}
        if self.temperature:
            wanted["temperature"] = temperature
        if self.effort is not None:
            wanted["reasoning_effort"] = self.effort
        if self.template:
            # Qwen and GLM read the one, Granite and DeepSeek the other.
            wanted["chat_template_kwargs"] = {"enable_thinking": False, "thinking": False}
        return wanted

    def without_rejected(self, refusal: str) -> "OptionalParameters | None":
        """Return what to send after a refusal, whose text is `refusal`; None: nothing of this was refused.

        A parameter that it names is left out, or sent with a value that it offers. If it names none, the switches for
        reasoning go first.
        """
        refusal = refusal.lower()
        remaining = replace(
            self,
            effort=self._effort_offered(refusal) if "effort" in refusal else self.effort,
            template=self.template and "chat_template" not in refusal and "enable_thinking" not in refusal,
            temperature=self.temperature and "temperature" not in refusal,
        )
        if remaining != self:
            return remaining
        remaining = replace(self, effort=None, template=False)
        if remaining != self:
            return remaining
        return replace(self, temperature=False) if self.temperature else None

    def _effort_offered(self, refusal: str) -> str | None:
        if self.effort is None:
            return None
        less_wanted = _EFFORTS[_EFFORTS.index(self.effort) + 1 :]
        offered = (effort for effort in less_wanted if f"'{effort}'" in refusal or f'"{effort}"' in refusal)
        return next(offered, None)


REASONING_OFF = OptionalParameters()
REASONING_DEFAULT = OptionalParameters(effort=None, template=False)
"""Whether it reasons is left to the server."""
