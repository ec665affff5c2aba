"""Who may call: API keys; and who may sign in to the console."""
