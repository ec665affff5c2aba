"""Lists of models, in OpenAI's and xAI's forms."""
