"""Measurements: what things cost, against the targets. Run by scripts/bench."""
