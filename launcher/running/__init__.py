"""Runs a mesh on this machine: plan, ports, processes, supervision, progress."""
