"""Leases persistent Chromium profiles. Knows no task, no dialect, no Grok and no FastAPI."""
