"""One WebSocket conversation.

client         its tasks, from the handshake to the close
stream         the `Converse` stream, from one orchestrator to another
unconfirmed    what was said and sent since the last checkpoint
resume_tokens  how a client goes on with its conversation on another connection
send_queue     what waits to be sent to the client
refusals       close codes and messages for errors
"""
