"""News for others: what became of a task for its caller, what a profile needs for its operator; sent until it arrived."""
