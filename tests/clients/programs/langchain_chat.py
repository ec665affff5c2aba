"""Run with an installed langchain-openai: invoke, stream, pictures, and the Responses API."""

import base64
import os
from pathlib import Path

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

base = {"base_url": os.environ["BASE_URL"], "api_key": os.environ["API_KEY"], "max_retries": 0}
data_url = "data:image/png;base64," + base64.b64encode(Path(os.environ["PICTURE"]).read_bytes()).decode()

chat = ChatOpenAI(model="grok-4", temperature=0.7, **base)
answer = chat.invoke("hi")
assert answer.content == "You said: hi" and answer.usage_metadata["total_tokens"] > 0, answer
assert "".join(piece.content for piece in chat.stream("hi")) == "You said: hi"
parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": data_url}}]
assert chat.invoke([SystemMessage("Be brief."), HumanMessage(parts)]).content == "You said: look"
assert chat.bind(stop=["said"]).invoke("hi").content == "You "
responses = ChatOpenAI(model="grok-4", use_responses_api=True, **base)
assert responses.invoke("hi").text == "You said: hi"
assert "".join(piece.text for piece in responses.stream("hi")) == "You said: hi"


class Person(BaseModel):
    """Somebody."""

    age: int


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return "rain"


for model in (chat, responses):
    [call] = model.bind_tools([weather]).invoke("use a tool").tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Oslo"}), call
    assert model.with_structured_output(Person, method="json_schema").invoke("as json") == Person(age=5)
assert chat.with_structured_output(Person, method="json_mode").invoke("as json") == Person(age=5)
print("ok")
