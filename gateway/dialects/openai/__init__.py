"""OpenAI's Videos API: create, retrieve, list, delete, content, remix, extend. Spoken by most SDKs and gateways."""
