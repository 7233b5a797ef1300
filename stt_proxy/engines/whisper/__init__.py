"""Speech recognition by Whisper, on this machine, in a hundred languages.

One model serves all streams. CTranslate2 lets go of the interpreter's lock while it computes, so decodings run in
threads, as many as there are cores, of one thread each:

    engine ─ decoder (threads) ─▶ model ─ mel, vocabulary, guard
"""
