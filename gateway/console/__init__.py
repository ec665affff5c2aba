"""The operator's console: pages rendered here, small scripts of our own, no build step."""
