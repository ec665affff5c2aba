"""Pictures: the imagine WebSocket, edits, and the way through a chat."""
