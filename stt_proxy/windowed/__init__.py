"""Recognition by a model that takes a whole window of audio at a time, as Whisper does, made into a stream of words.

Every window of a stream is decoded again while more is said, and a word is certain when two decodings in a row agree:

    stream ─ transcription ─▶ schedule, dispatcher ─▶ Decoder (a model here, or a server) ─▶ agreement ─▶ events

An engine brings a `Decoder`; everything else is here. Audio is float32, -1 to 1, 16 000 Hz; positions are samples.
"""
