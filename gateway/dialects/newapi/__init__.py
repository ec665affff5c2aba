"""new-api's video tasks (seed 003): ``/v1/video/generations``."""
