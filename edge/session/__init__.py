"""One WebSocket conversation.

realtime    its tasks, from the handshake to the close
send_queue  what waits to be sent to the client
refusals    close codes and messages for errors
"""
