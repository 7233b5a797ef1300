"""The shell around the core: one Converse stream, its recognition and its replies.

* `service`: the servicer; refuses or admits a conversation, and holds it
* `session`: gives the core events, performs its actions, keeps its timer
* `requests`: the client's requests, one after the other
* `opening`: what a client brings besides its settings
* `options`: the session's settings, from the contract's form to the core's
* `recognition`: the microphone, and the recogniser it is sent to
* `reply`: one reply in the making: the language model's words and their synthesis
* `audio_output`: a reply's released audio, in messages as long as possible
* `synthesis_queue`: the replies that wait while every synthesis is taken
* `wire`: the core's actions as messages to the client
* `send_queue`: the messages that wait to be sent
* `text_limits`: how long the texts of a client may be
"""
