"""The public face: WebSocket dialects, REST and Ogg Opus. It holds no conversation logic and does no pacing.

server    listens, drains and stops            settings  the settings           metrics   what Prometheus scrapes
health    the mesh's health, as clients see it
access/   which clients are let in             audio/    Ogg Opus in and out    dialects/ clients' messages <-> Converse
http/     the ASGI application and its routes  page/     Parley's own web page  session/  one WebSocket conversation
"""
