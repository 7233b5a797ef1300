"""Finds one of several servers that takes a call.

addresses   names ─▶ addresses, resolved again and again
finder      runs the searches of a pool (`mesh.pool`) against time
replicas    the replicas of a service, their channels and their health
search      what callers use: streams, uploads and unary calls at the first replica that admits

Servers that are reached by URL are in `mesh.engines.upstreams`.
"""
