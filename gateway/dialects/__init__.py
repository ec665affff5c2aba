"""Client-facing APIs: each a folder of pure translators over the task core."""
