"""OpenAI's Responses API, to the extent that openai-python and the AI SDK need it: stateless, plain or streamed."""
