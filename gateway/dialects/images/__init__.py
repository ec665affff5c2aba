"""Images as OpenAI's clients, xAI's and seed 004 (§2) speak them: make and edit."""
