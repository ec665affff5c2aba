"""Chats: the transcript, both protocols, and the answer put together from its pieces."""
