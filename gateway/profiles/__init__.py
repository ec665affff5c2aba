"""Profiles as rows of the database, kept in step with this node's pool of browsers."""
