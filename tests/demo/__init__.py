"""`scripts/demo`: a video through a real Chromium, from the simulated site, with the product's own commands and API."""
