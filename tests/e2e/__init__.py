"""The whole product, started as a user starts it, against the simulator in a real Chromium."""
