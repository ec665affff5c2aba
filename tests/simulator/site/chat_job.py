"""An answer in words over REST, in the order of frames seen in March 2026 (upstream.md 2.4)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from tests.simulator.media.studio import Studio
from tests.simulator.state.accounts import Account
from tests.simulator.state.library import new_id
from tests.simulator.state.scenarios import Script
from tests.simulator.state.world import World

from .chat_script import Step, gap, steps
from .frames import emit_failure, emit_model_response, emit_opening, emit_title
from .image_job import PictureWork
from .jobs import Job
from .orders import ChatOrder, ImageOrder


@dataclass
class ChatWork:
    world: World
    studio: Studio
    account: Account
    order: ChatOrder
    script: Script
    job: Job

    @property
    def model(self) -> str:
        return f"grok-4-{self.order.model}".lower()

    async def run(self) -> None:
        job, order, script = self.job, self.order, self.script
        if emit_failure(job, script, self.model, job.answer):
            job.answer.partial = False
            return
        emit_opening(job, self.model)
        layout = {"reasoningUiLayout": "SPLIT", "willThinkLong": False, "effort": "LOW", "steerModelId": "grok-4"}
        job.emit_response(uiLayout=layout | {"rolloutIds": []})
        job.emit_response(llmInfo={"modelHash": "abc="})
        planned = list(steps(order.prompt, script, thinks=order.thinks, searches=order.searches))
        pause = gap(script, self.world.settings.pace, len(planned))
        for step in planned:
            await asyncio.sleep(pause)
            self._emit(step)
        if order.draws:
            picture = ImageOrder(order.prompt, "g1", order.draws, inputs=order.attachments)
            await PictureWork(self.world, self.studio, self.account, picture, script, job).draw()
        job.emit_response(token="", isSoftStop=True)
        job.emit_response(
            finalMetadata={"followUpSuggestions": [], "feedbackLabels": [], "toolsUsed": {}, "disclaimer": ""}
        )
        job.answer.partial = False
        if script.get("empty-answer") == "message":
            job.answer.message = ""
        if self.script.get("drift") in ("", "unknown"):
            job.emit_response(assistantAnswer={"text": job.answer.message})
        else:
            emit_model_response(job, self.model)
        if self.script.get("drift") == "garbage":
            job.emit({"raw": "<!-- upstream: proxy notice -->\n"})
        emit_title(job, order.prompt)

    def _emit(self, step: Step) -> None:
        job = self.job
        if step.kind == "thought":
            job.emit_response(token=step.text, isThinking=True, messageTag=step.tag, messageStepId=0)
        elif step.kind == "search":
            card = new_id()
            job.emit_response(
                token="<xai:tool_usage_card>web_search</xai:tool_usage_card>",
                isThinking=True,
                messageTag="tool_usage_card",
                toolUsageCardId=card,
                toolUsageCard={"toolUsageCardId": card, "webSearch": {"args": {"query": step.text}}},
            )
            job.emit_response(
                token="raw result",
                webSearchResults={"results": step.value},
                isThinking=True,
                messageTag="raw_function_result",
            )
        elif step.kind == "citation":
            self._cite(step)
        else:
            text = step.written()
            job.answer.message += text
            if self.script.get("drift") in ("", "unknown"):
                job.emit_response(fragment={"text": text})
            elif self.script.get("drift") == "type":
                job.emit_response(token={"text": text}, messageTag="final")
            else:
                job.emit_response(token=text, messageTag="final")

    def _cite(self, step: Step) -> None:
        job, card = self.job, new_id()[:8]
        tag = f'<grok:render card_id="{card}" card_type="citation_card" type="render_inline_citation"></grok:render>'
        data = json.dumps({"id": card, "type": "render_inline_citation", "url": step.value["url"]})
        job.answer.message += tag
        job.answer.cards.append(data)
        job.emit_response(token=tag, messageTag="final")
        job.emit_response(cardAttachment={"jsonData": data})
