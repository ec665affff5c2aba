"""The console's pages, one module per area. A module with a `PAGE` is found and served; see ``gateway/console/README.md``."""
