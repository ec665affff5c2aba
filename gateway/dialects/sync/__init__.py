"""The synchronous video API (seed 002): one request that is answered when the video is there."""
