"""Run with an installed openai-python: chat, stream, responses, images, models, and how their errors are told."""

import base64
import os
import sys
from pathlib import Path

import openai
from openai import OpenAI

client = OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0)
picture = Path(os.environ["PICTURE"])
data_url = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
hi = [{"role": "user", "content": "hi"}]

answer = client.chat.completions.create(model="grok-4", messages=hi, temperature=0.7, reasoning_effort="high")
assert answer.choices[0].message.content == "You said: hi", answer
assert (
    answer.choices[0].finish_reason == "stop" and answer.usage.total_tokens > 0 and answer.object == "chat.completion"
)
parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": data_url}}]
assert (
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": parts}])
    .choices[0]
    .message.content
)

chunks = list(
    client.chat.completions.create(model="grok-4", messages=hi, stream=True, stream_options={"include_usage": True})
)
assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "You said: hi"
assert chunks[-1].usage.total_tokens > 0 and chunks[-2].choices[0].finish_reason == "stop"
with client.chat.completions.stream(model="grok-4", messages=hi) as stream:
    for _ in stream:
        pass
    assert stream.get_final_completion().choices[0].message.content == "You said: hi"
thought = client.chat.completions.create(model="grok-4", messages=[{"role": "user", "content": "think"}])
assert thought.choices[0].message.reasoning_content == "hm", thought

response = client.responses.create(model="grok-4", input="hi", instructions="Be brief.")
assert response.output_text == "You said: hi" and response.status == "completed" and response.usage.total_tokens > 0
events = list(client.responses.create(model="grok-4", input=[{"role": "user", "content": "hi"}], stream=True))
assert [e.sequence_number for e in events] == list(range(len(events)))
assert events[0].type == "response.created" and events[-1].type == "response.completed"
assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "You said: hi"
with client.responses.stream(model="grok-4", input="think") as stream:
    for _ in stream:
        pass
    final = stream.get_final_response()
assert final.output_text == "yes" and final.output[0].summary[0].text == "hm", final

made = client.images.generate(prompt="a lighthouse", n=2, size="1536x1024")
assert len(made.data) == 2 and all(one.url for one in made.data) and made.created and made.usage.total_tokens > 0
assert base64.b64decode(client.images.generate(model="gpt-image-1", prompt="x").data[0].b64_json)[:2] == b"\xff\xd8"
with picture.open("rb") as one, picture.open("rb") as two:
    edited = client.images.edit(image=[one, two], prompt="bluer", n=1)
assert edited.data[0].b64_json and edited.data[0].url
with picture.open("rb") as one:
    assert client.images.edit(model="gpt-image-1", image=one, prompt="bluer").data[0].b64_json
types = [event.type for event in client.images.generate(prompt="x", stream=True, partial_images=2)]
assert types == ["image_generation.partial_image", "image_generation.completed"], types
with picture.open("rb") as one:
    types = [event.type for event in client.images.edit(image=one, prompt="x", stream=True)]
assert types == ["image_edit.partial_image", "image_edit.completed"], types

assert {"grok-4", "grok-imagine-1.0"} <= {model.id for model in client.models.list()}
assert client.models.retrieve("grok-4").owned_by == "xai"


tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
asked = {"model": "grok-4", "messages": [{"role": "user", "content": "use a tool"}], "tools": tools}
choice = client.chat.completions.create(**asked).choices[0]
assert choice.finish_reason == "tool_calls" and choice.message.content is None, choice
assert choice.message.tool_calls[0].function.arguments == '{"city": "Oslo"}', choice
pieces = [chunk.choices[0].delta.tool_calls for chunk in client.chat.completions.create(**asked, stream=True)]
assert [piece[0].function.name for piece in pieces if piece] == ["weather"], pieces


def refused(kind, code, call, **asked):
    try:
        answer = call(**asked)
        if asked.get("stream"):
            list(answer)
    except kind as exc:
        assert exc.code == code and exc.message, exc
    else:
        sys.exit(f"taken: {asked}")


chat = client.chat.completions.create
refused(openai.NotFoundError, "model_not_found", chat, model="no-such-model", messages=hi)
refused(openai.BadRequestError, "unsupported_parameter", chat, model="grok-4", messages=hi, n=2)
refused(
    openai.BadRequestError,
    "content_policy_violation",
    chat,
    model="grok-4",
    messages=[{"role": "user", "content": "moderate"}],
)
refused(
    openai.RateLimitError, "rate_limit_exceeded", chat, model="grok-4", messages=[{"role": "user", "content": "limit"}]
)
refused(
    openai.InternalServerError, "empty_answer", chat, model="grok-4", messages=[{"role": "user", "content": "empty"}]
)
refused(openai.APIError, "answer_cut", chat, model="grok-4", messages=[{"role": "user", "content": "cut"}], stream=True)
refused(openai.APIError, "answer_cut", client.responses.create, model="grok-4", input="cut", stream=True)
refused(openai.NotFoundError, "not_found", client.responses.retrieve, response_id="resp_1")
refused(openai.AuthenticationError, "invalid_api_key", client.with_options(api_key="sk-wrong").models.list)
print("ok", openai.__version__)
