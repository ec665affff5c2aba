"""The command line: one module per command, started fast because each imports its own needs when it runs."""
