"""Sockets, HTTP/2, HTTP/1.1 and WebSocket framing; knows nothing of the site."""
