"""Fixtures for all tests live in modules of their own, named here."""

pytest_plugins = ["tests.databases"]
