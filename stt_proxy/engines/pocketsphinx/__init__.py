"""Speech recognition by PocketSphinx, on this machine, of English.

The decoder keeps the interpreter's lock for tens of milliseconds at a time, so each runs in a process of its own, which
serves one stream after another:

    engine, process (in the proxy)  ◀─ wire ─▶  worker, transcription, samples, models (in a worker)
"""
