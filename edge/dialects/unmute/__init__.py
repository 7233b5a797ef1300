"""Unmute's dialect: what its web page and its load test speak on `/v1/realtime`.

dialect             one connection                 client_events       what clients send
server_events       what clients are sent          instructions        characters that clients can ask for
user_speech         events about the user          replies             events about replies
additional_outputs  history and debug figures      rest                the bodies of the REST routes
"""

from edge.dialects.unmute.dialect import UnmuteDialect

__all__ = ["UnmuteDialect"]
