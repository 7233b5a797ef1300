"""Unmute's dialect: what its web page and its load test speak on `/v1/realtime`."""

from edge.dialects.unmute.dialect import UnmuteDialect

__all__ = ["UnmuteDialect"]
