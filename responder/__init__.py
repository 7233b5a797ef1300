"""A stand-in for a language model: answers by rules, over the OpenAI chat-completions API."""
