"""What was made for whom, and how long it took: kept for longer than the tasks themselves."""
