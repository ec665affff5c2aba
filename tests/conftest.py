"""Fixtures for all tests live in modules of their own, named here."""

import pytest

pytest_plugins = ["tests.databases", "tests.s3"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files anew; review the diff before committing"
    )
