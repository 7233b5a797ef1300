"""The edge's HTTP side: application, REST routes, uploads, the connections below them."""
