"""Engines tried out, each by a process of its own: `python -m launcher.checks.trials.voice`. They say what they did."""
