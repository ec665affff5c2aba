"""Tests, and the simulator of the site they run against."""
