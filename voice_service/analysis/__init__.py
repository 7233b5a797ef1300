"""Finds out how somebody speaks: pitch, melody and pace of a recording.

It runs as a process of its own (`python -m voice_service.analysis`), because what people upload may be made to crash a
decoder, or to unpack to hours of audio: recording in at standard input, `VoiceFeatures` as JSON out.
"""
