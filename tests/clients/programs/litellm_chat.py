"""Run with an installed litellm: chat, stream, images and errors through its providers ``openai/`` and ``xai/``."""

import base64
import os
import sys
from pathlib import Path

import litellm

base = {"api_base": os.environ["BASE_URL"], "api_key": os.environ["API_KEY"], "num_retries": 0, "max_retries": 0}
hi = [{"role": "user", "content": "hi"}]

for model in ("openai/grok-4", "xai/grok-4"):
    answer = litellm.completion(model=model, messages=hi, temperature=0.5, **base)
    assert answer.choices[0].message.content == "You said: hi" and answer.usage.total_tokens > 0, answer
    text = "".join(
        c.choices[0].delta.content or ""
        for c in litellm.completion(model=model, messages=hi, stream=True, **base)
        if c.choices
    )
    assert text == "You said: hi", text
thought = litellm.completion(model="openai/grok-4", messages=[{"role": "user", "content": "think"}], **base)
assert thought.choices[0].message.reasoning_content == "hm", thought
made = litellm.image_generation(model="openai/grok-imagine-1.0", prompt="a lighthouse", n=2, **base)
assert len(made.data) == 2 and made.data[0].url, made
with Path(os.environ["PICTURE"]).open("rb") as one:
    edited = litellm.image_edit(model="openai/gpt-image-1", image=[one], prompt="bluer", **base)
assert base64.b64decode(edited.data[0].b64_json), edited

for said, model, kind in (
    ("hi", "openai/no-such-model", litellm.NotFoundError),
    ("moderate", "openai/grok-4", litellm.ContentPolicyViolationError),
    ("limit", "openai/grok-4", litellm.RateLimitError),
    ("empty", "openai/grok-4", (litellm.InternalServerError, litellm.BadGatewayError, litellm.APIError)),
):
    try:
        litellm.completion(model=model, messages=[{"role": "user", "content": said}], **base)
        sys.exit(f"taken: {said} {model}")
    except kind:
        pass
try:
    litellm.completion(model="openai/grok-4", messages=hi, **base | {"api_key": "sk-wrong"})
    sys.exit("a wrong key was taken")
except litellm.AuthenticationError:
    pass
print("ok")
