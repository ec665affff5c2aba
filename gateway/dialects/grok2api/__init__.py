"""The task API of grok2api (seed 004): create, follow, cancel, delete, list, upload."""
