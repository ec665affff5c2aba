"""Profiles as rows of the database, kept in step with the pool of this node."""
