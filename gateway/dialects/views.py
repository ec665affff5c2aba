"""A task as the dialect that made it shows it, for messages that nobody asked for by a path. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.dialects.dubrify import translate as dubrify
from gateway.dialects.grok2api import translate as grok2api
from gateway.dialects.newapi import translate as newapi
from gateway.dialects.openai import translate as openai
from gateway.dialects.shared_paths import Dialect
from gateway.dialects.sync import translate as sync
from gateway.dialects.xai import translate as xai
from gateway.tasks.model import Task
from gateway.web.asked import LinkTo

View = Callable[[Task, LinkTo], Mapping[str, Any]]

# Where an answer to a poll does not say which task it tells of, the id stands beside it: here nobody asked for one.
VIEWS: Mapping[str, View] = {
    Dialect.OPENAI: openai.to_video,
    Dialect.XAI: lambda task, link_to: {"request_id": task.id, **xai.to_generation(task, link_to)[1]},
    Dialect.DUBRIFY: lambda task, link_to: {"request_id": task.id, **dubrify.to_result(task, link_to)},
    Dialect.NEWAPI: lambda task, link_to: newapi.to_envelope(task, link_to)["data"],
    Dialect.GROK2API: lambda task, link_to: grok2api.to_task(task, grok2api.Around(link_to)),
    Dialect.SYNC: lambda task, link_to: sync.to_generated(task, link_to)[1],
}


def show(task: Task, link_to: LinkTo) -> Mapping[str, Any]:
    """Return the task in its dialect's form; one that this version does not know in OpenAI's."""
    return VIEWS.get(task.dialect, openai.to_video)(task, link_to)
