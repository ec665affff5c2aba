"""Tests of the dialects: pure translation against golden files."""
