"""What a language model's server is asked for besides words: a temperature, and not to think.

There is no common way to switch thinking off, and servers differ in what they do with parameters that they do not
know: some pass over them, some refuse the whole request (400 or 422) and say which ones they mean.
"""

from dataclasses import dataclass, replace
from typing import Any

_EFFORTS = ("none", "minimal", "low")
"""The least effort is best; a server that knows "none" does not think at all."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Parameters that a request can do without."""

    temperature: bool = True
    """Say how varied the words may be. OpenAI's reasoning models refuse that."""
    effort: str | None = _EFFORTS[0]
    """How much thinking to ask for: OpenAI, Ollama, llama.cpp, OpenRouter, Gemini, Groq."""
    template: bool = True
    """Tell the model's chat template not to begin a thought: vLLM, SGLang, llama.cpp."""

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

    def fewer(self, refusal: str) -> "Wishes | None":
        """Return what to ask for after a refusal, in the server's own words; None: it was nothing of this.

        What it names is given up, or asked for with a value that it offers. If it names nothing, thinking goes first.
        """
        refusal = refusal.lower()
        fewer = replace(
            self,
            effort=self._effort_offered(refusal) if "effort" in refusal else self.effort,
            template=self.template and "chat_template" not in refusal and "enable_thinking" not in refusal,
            temperature=self.temperature and "temperature" not in refusal,
        )
        if fewer != self:
            return fewer
        fewer = replace(self, effort=None, template=False)
        if fewer != self:
            return fewer
        return replace(self, temperature=False) if self.temperature else None

    def _effort_offered(self, refusal: str) -> str | None:
        if self.effort is None:
            return None
        less_wanted = _EFFORTS[_EFFORTS.index(self.effort) + 1 :]
        offered = (effort for effort in less_wanted if f"'{effort}'" in refusal or f'"{effort}"' in refusal)
        return next(offered, None)


NO_THINKING = Wishes()
AS_IT_LIKES = Wishes(effort=None, template=False)
"""Whether it thinks is left to the server."""
