"""Watching a profile's pages from afar, and working with them by hand."""
