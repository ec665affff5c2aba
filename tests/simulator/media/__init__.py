"""Pictures and H.264 files, made on the spot."""
