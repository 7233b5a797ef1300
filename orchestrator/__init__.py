"""One conversation, from admission to its end.

* `conversation`: the core: every decision, and no I/O
* `session`: the shell around the core: one Converse stream, its recognition and its replies
* `llm`: the language model, and its text as words
* `prompts`: characters and their texts
* `recorder`: recordings of conversations, and their replay
* `main`, `settings`, `metrics`, `dependencies`: the process
"""
