"""Rows of profiles and the pool, kept in step."""
