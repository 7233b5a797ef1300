"""Ogg Opus, the clients' audio format.

ogg   finds and checks pages
opus  decodes and encodes, within a budget of audio time
"""
