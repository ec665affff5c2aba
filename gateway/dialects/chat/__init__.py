"""Chat completions as OpenAI's clients, xAI's and seed 004 (§1) speak them; video and image models answer here, too."""
