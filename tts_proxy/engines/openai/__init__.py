"""Voices of servers with OpenAI's audio API: one request speaks one clause."""
