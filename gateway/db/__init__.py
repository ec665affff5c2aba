"""Database connection, tables and migrations."""
