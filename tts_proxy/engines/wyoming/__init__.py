"""Voices of Wyoming servers, such as Home Assistant's Piper: one connection speaks one clause."""
