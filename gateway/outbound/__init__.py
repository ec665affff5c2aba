"""Reaching addresses that others named, without being turned against our own network."""
