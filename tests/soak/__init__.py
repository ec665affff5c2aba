"""Hours in minutes: a gateway under steady, bounded load, and whether anything of it grows."""
