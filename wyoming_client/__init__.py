"""The client of servers that speak Home Assistant's Wyoming protocol over TCP, of both proxies."""
