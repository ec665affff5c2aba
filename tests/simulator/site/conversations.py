"""Submits, and the ways to see afterwards what became of them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.simulator.media.studio import Studio
from tests.simulator.state.accounts import Account
from tests.simulator.state.library import IMAGINE, Conversation, Turn
from tests.simulator.wire.exchange import Exchange

from .chat_job import ChatWork
from .image_job import PictureWork
from .jobs import Job, Jobs
from .orders import ChatOrder, ImageOrder, VideoOrder, classify, read_order
from .refusals import too_many
from .routes import routes
from .session import mode_of_model
from .stream import break_off, framing_of, send_stream
from .video_job import VideoWork
from .visit import Reply, Visit, problem, reply_json

studio = Studio()
jobs = Jobs()
NOT_FOUND = (404, 5, "Conversation not found")


def _conversation(visit: Visit) -> Conversation | None:
    found = visit.world.library.conversations.get(visit.params["id"])
    return found if found is not None and found.owner == visit.owner.id else None


@routes.add("POST", "/rest/app-chat/conversations/new", "submit_chat", protected=True, streams=True, classify=classify)
async def new(visit: Visit) -> Reply | None:
    if "cut-and-lost" in visit.script:
        break_off(visit, visit.script.word("cut-and-lost", "reset"))
        return None
    order = read_order(visit)
    if isinstance(order, Reply):
        return order
    if (refused := _spend(visit, order)) is not None:
        return refused
    kind = IMAGINE if not isinstance(order, ChatOrder) else ""
    conversation = Conversation(visit.owner.id, kind=kind, temporary=bool(visit.json.get("temporary")))
    visit.world.library.add_conversation(conversation)
    await _answer(visit, order, conversation, parent="", is_new=True)
    return None


@routes.add(
    "POST",
    "/rest/app-chat/conversations/{id}/responses",
    "submit_chat",
    protected=True,
    streams=True,
    classify=classify,
)
async def respond(visit: Visit) -> Reply | None:
    conversation = _conversation(visit)
    if conversation is None:
        return visit.problem(*NOT_FOUND)
    parent = str(visit.json.get("parentResponseId") or "")
    if parent and all(turn.id != parent for turn in conversation.turns):
        return problem(400, 3, "Invalid parentResponseId")
    order = read_order(visit)
    if isinstance(order, Reply):
        return order
    if (refused := _spend(visit, order)) is not None:
        return refused
    await _answer(visit, order, conversation, parent, is_new=False)
    return None


def _spend(visit: Visit, order: VideoOrder | ImageOrder | ChatOrder) -> Reply | None:
    account = visit.owner
    if isinstance(order, VideoOrder):
        limit = account.video_concurrency or visit.world.settings.video_concurrency
        if limit and account.running_videos >= limit:
            visit.script["concurrency-limit"] = ""
            return None
    kind = mode_of_model(order.model) if isinstance(order, ChatOrder) else order.quota
    quota = account.quotas.get(kind)
    return None if quota is None or quota.spend() else too_many()


def _turns(order: VideoOrder | ImageOrder | ChatOrder, visit: Visit, parent: str) -> tuple[Turn, Turn]:
    message = str(visit.json.get("message") or "")
    human = Turn("human", message, parent=parent)
    answer = Turn("assistant", parent=human.id, partial=True)
    if isinstance(order, ChatOrder):
        human.assets = order.attachments
    else:
        # the human's turn lists the inputs in the same field in which the answer lists its results
        human.assets, answer.media_gen_input = order.inputs, order.media_gen_input
        answer.model = "imagine-video-gen" if isinstance(order, VideoOrder) else "imagine-image-gen"
    human.attachments = [asset.id for asset in human.assets]
    return human, answer


async def _answer(
    visit: Visit, order: VideoOrder | ImageOrder | ChatOrder, conversation: Conversation, parent: str, *, is_new: bool
) -> None:
    if visit.script.get("empty-answer") in ("", "body"):
        await visit.start(200, {"content-type": "application/json"})
        await visit.exchange.finish()
        return
    human, answer = _turns(order, visit, parent)
    conversation.turns += [human, answer]
    job = Job(conversation, human, answer, is_new=is_new)
    world, account, script = visit.world, visit.owner, visit.script
    params = visit.entry.params
    params |= {"conversation_id": conversation.id, "response_id": answer.id}
    if isinstance(order, VideoOrder):
        work = VideoWork.plan(world, studio, account, order, script, job)
        params |= _video_facts(order) | {"asset_id": work.id}
        _hold_place(account, job)
        jobs.start(job, work.run())
    elif isinstance(order, ImageOrder):
        params |= {"generation": order.generation, "count": order.count, "aspect_ratio": order.ratio}
        params["inputs"] = [asset.id for asset in order.inputs]
        jobs.start(job, PictureWork(world, studio, account, order, script, job).run())
    else:
        params |= {"model": order.model}
        jobs.start(job, ChatWork(world, studio, account, order, script, job).run())
    _stop_with(visit.exchange, job, world.settings.cancel_on_reset, isinstance(order, ChatOrder))
    visit.entry.params["framing"] = framing_of(visit)
    await send_stream(visit, job, wrapped=is_new)


def _video_facts(order: VideoOrder) -> dict[str, Any]:
    return {
        "generation": order.generation,
        "seconds": order.asked_seconds,
        "aspect_ratio": order.ratio,
        "resolution": order.resolution,
        "mode": order.mode,
        "inputs": [asset.id for asset in order.inputs],
        "parent_post": order.parent_post,
        "extends": order.extends,
        "decoy": order.decoy,
    }


def _hold_place(account: Account, job: Job) -> None:
    account.running_videos += 1

    def leave() -> None:
        account.running_videos -= 1

    job.on_done.append(leave)


def _stop_with(exchange: Exchange, job: Job, setting: str, is_chat: bool) -> None:
    if setting == "all" or (setting == "chat" and is_chat):
        exchange.on_gone.append(job.cancel)


@routes.add("GET", "/rest/app-chat/conversations", "list")
async def list_conversations(visit: Visit) -> Reply:
    """Newest first; the page token is an offset."""
    query = visit.request.query
    size, start = min(int(query.get("pageSize") or 40), 100), int(query.get("pageToken") or 0)
    kind = query.get("kind") or ""
    found = [
        one
        for one in visit.world.library.conversations.values()
        if one.owner == visit.owner.id
        and (one.kind == kind if kind else True)
        and (not one.temporary or one.kind == IMAGINE)
    ]
    found.sort(key=lambda one: -one.created)
    answer: dict[str, Any] = {"conversations": [one.as_listed() for one in found[start : start + size]]}
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return reply_json(answer | {"textSearchMatches": []})


@routes.add("POST", "/rest/app-chat/conversations", "conversation_create", protected=True)
async def create_conversation(visit: Visit) -> Reply:
    conversation = Conversation(visit.owner.id, temporary=bool(visit.json.get("temporary")))
    visit.world.library.add_conversation(conversation)
    return reply_json({"conversationId": conversation.id})


@routes.add("GET", "/rest/app-chat/conversations/{id}/responses", "follow")
async def list_responses(visit: Visit) -> Reply:
    conversation = _conversation(visit)
    if conversation is None:
        return problem(*NOT_FOUND)
    return reply_json({"responses": [turn.as_listed() for turn in conversation.turns]})


@routes.add("POST", "/rest/app-chat/conversations/{id}/load-responses", "follow", protected=True)
async def load_responses(visit: Visit) -> Reply:
    conversation = _conversation(visit)
    if conversation is None:
        return problem(*NOT_FOUND)
    wanted = visit.json.get("responseIds")
    turns = [turn for turn in conversation.turns if not wanted or turn.id in wanted]
    return reply_json({"responses": [turn.as_listed() for turn in turns]})


async def close() -> None:
    jobs.stop()
    await asyncio.sleep(0)
    studio.close()
