"""What `scripts/install` does, one module per concern. Standard library only: it runs before anything is installed."""
