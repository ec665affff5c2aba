"""Run with an installed litellm: its video calls over an OpenAI-compatible base URL."""

import os
import time

import litellm

at = {"api_base": os.environ["BASE_URL"], "api_key": os.environ["API_KEY"], "custom_llm_provider": "openai"}
video = litellm.video_generation(model="openai/sora-2", prompt="a lighthouse", seconds="8", size="1280x720", **at)
assert video.seconds == "10", video
for _ in range(50):
    found = litellm.video_status(video_id=video.id, **at)
    if found.status not in {"queued", "in_progress"}:
        break
    time.sleep(0.1)
assert found.status == "completed" and found.progress == 100, found
assert litellm.video_content(video_id=video.id, **at)[4:8] == b"ftyp"
listed = litellm.video_list(limit=5, **at)
assert listed, listed
try:
    litellm.video_generation(model="openai/no-such-model", prompt="x", **at)
    raise SystemExit("an unknown model was taken")
except litellm.NotFoundError as exc:
    assert "no-such-model" in str(exc)
try:
    litellm.video_generation(model="openai/sora-2", prompt=" ", **at)
    raise SystemExit("an empty prompt was taken")
except litellm.BadRequestError as exc:
    assert "empty_prompt" in str(exc) or "Prompt" in str(exc), exc
print("ok")
