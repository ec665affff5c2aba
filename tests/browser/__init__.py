"""Real browsers, and the pool's promises with fake ones."""
