"""xAI's REST API for videos: generate, extend, poll. Spoken by the AI SDK's xAI provider and ComfyUI's nodes."""
