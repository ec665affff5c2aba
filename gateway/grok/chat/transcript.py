"""The conversation as the one message that the site takes.

A lone user message is sent verbatim. Anything longer becomes a transcript, one section per message:

    Below is a conversation, each message under a line with its author's role. Write the assistant's next message.

    ### system
    Answer in German.

    ### user
    Hello
    [image 1]

``developer`` counts as system; a tool's or speaker's name follows the role (``### tool weather``). Pictures are attached in
order and named where they belong. A line of a message that looks like such a heading is indented by one space, so that
nobody can speak in another's name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.calls.model import Role, Turn
from gateway.errors import EmptyPrompt

INTRODUCTION = (
    "Below is a conversation, each message under a line with its author's role. Write the assistant's next message."
)
_LOOKS_LIKE_HEADING = re.compile(rf"^(?=###[ \t]+(?:{'|'.join(Role)}|developer)\b)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. images: ids in the media store, in the order they are named."""

    text: str
    images: tuple[str, ...]


def flatten(turns: Sequence[Turn]) -> Message:
    """Return *turns* as one message. Raises EmptyPrompt when there is nothing in them."""
    told = [turn for turn in turns if turn.text.strip() or turn.images]
    if not told:
        raise EmptyPrompt("a message is needed", param="messages")
    images = tuple(image for turn in told for image in turn.images)
    if len(told) == 1 and told[0].role is Role.USER:
        return Message(told[0].text, images)
    sections, shown = [INTRODUCTION], 0
    for turn in told:
        lines = [f"### {turn.role.value}{f' {_one_line(turn.name)}' if turn.name else ''}"]
        if turn.text.strip():
            lines.append(_LOOKS_LIKE_HEADING.sub(" ", turn.text.strip("\n")))
        lines += [f"[image {shown + number}]" for number in range(1, len(turn.images) + 1)]
        shown += len(turn.images)
        sections.append("\n".join(lines))
    return Message("\n\n".join(sections), images)


def _one_line(name: str) -> str:
    return " ".join(name.split())
