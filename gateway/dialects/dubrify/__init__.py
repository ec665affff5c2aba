"""Dubrify's video API (seed 001): ``POST /v1/videos`` and ``GET /v1/videos/{request_id}``."""
