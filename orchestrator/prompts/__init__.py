"""Prompts: characters, templates, texts, headlines."""
