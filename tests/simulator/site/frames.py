"""Frames that every kind of answer begins and ends with (upstream.md 2.4, 2.6)."""

from __future__ import annotations

from typing import Any

from tests.simulator.state.accounts import timestamp
from tests.simulator.state.library import Conversation, Turn

from .jobs import Job
from .refusals import stream_error


def emit_opening(job: Job, model: str, media_gen_input: dict[str, Any] | None = None) -> None:
    """The conversation, if it is a new one, and the human's turn."""
    if job.is_new:
        job.emit({"result": {"conversation": job.conversation.as_frame()}})
    human = job.human
    job.emit_response(
        of=human,
        userResponse={
            "responseId": human.id,
            "message": human.message,
            "sender": "human",
            "createTime": timestamp(human.created),
            "parentResponseId": human.parent,
            "manual": False,
            "partial": False,
            "shared": False,
            "query": "",
            "queryType": "",
            "webSearchResults": [],
            "xpostIds": [],
            "xposts": [],
            "generatedImageUrls": [],
            "imageAttachments": [],
            "fileAttachments": human.attachments,
            "cardAttachmentsJson": [],
            "fileUris": [],
            "isControl": False,
            "steps": [],
            "mediaTypes": [],
            "mediaGenInput": media_gen_input,
            "metadata": {},
            "model": model,
            "streamErrors": [],
        },
    )


def emit_model_response(job: Job, model: str, **fields: Any) -> None:
    turn = job.answer
    job.emit_response(
        modelResponse={
            "responseId": turn.id,
            "message": turn.message,
            "sender": "assistant",
            "createTime": timestamp(turn.created),
            "parentResponseId": turn.parent,
            "generatedImageUrls": turn.image_urls,
            "fileAttachments": turn.attachments,
            "cardAttachmentsJson": turn.cards,
            "metadata": {"llm_info": {"modelHash": "abc="}, "request_metadata": {"mode": model, "model": model}},
            "streamErrors": turn.errors,
            "model": model,
            "partial": False,
        }
        | fields,
    )


def emit_title(job: Job, text: str) -> None:
    conversation: Conversation = job.conversation
    if job.is_new:
        conversation.title = " ".join(text.split()[:6])[:60] or "New conversation"
        job.emit({"result": {"title": {"newTitle": conversation.title}}})


def emit_failure(job: Job, script: dict[str, str], model: str, turn: Turn) -> bool:
    """The error inside a 200 stream, if a scenario asks for one. True: that was all."""
    if script.get("rate-limit-in-stream") in ("", "top"):
        job.emit({"error": {"code": 8, "message": "Too many requests", "details": []}})
        return True
    error = stream_error(script)
    if error is None:
        return False
    emit_opening(job, model)
    turn.errors = [error]
    job.emit_response(error=error)
    return True
