"""The first call a program makes, ready to paste."""

from __future__ import annotations

import json
from collections.abc import Sequence

PROMPT = "a lighthouse at dusk, waves below"
MODEL = "grok-imagine-1.0-video"


def first_video(base: str, key: str) -> Sequence[tuple[str, str]]:
    """Return (language, code) pairs that make a video at *base* with *key* and fetch it."""
    body = json.dumps({"model": MODEL, "prompt": PROMPT}, ensure_ascii=False)
    curl = f"""KEY={key}
TASK=$(curl -s {base}/v1/video/tasks -H "Authorization: Bearer $KEY" \\
  -H 'Content-Type: application/json' -d '{body}' | grep -o 'task_[0-9a-z]*')
curl -N {base}/v1/video/tasks/$TASK/stream -H "Authorization: Bearer $KEY"      # progress as it comes
curl -so video.mp4 {base}/v1/video/tasks/$TASK/content -H "Authorization: Bearer $KEY"
"""
    python = f"""from openai import OpenAI          # pip install openai

client = OpenAI(base_url="{base}/v1", api_key="{key}")
video = client.videos.create_and_poll(model="{MODEL}", prompt="{PROMPT}", seconds="6")
client.videos.download_content(video.id).write_to_file("video.mp4")
"""
    javascript = f"""const headers = {{ Authorization: "Bearer {key}", "Content-Type": "application/json" }};
const call = (path, init = {{}}) => fetch("{base}" + path, {{ ...init, headers }}).then((answer) => answer.json());

const {{ task_id }} = await call("/v1/video/tasks", {{ method: "POST", body: JSON.stringify({body}) }});
let task;
do {{
  await new Promise((done) => setTimeout(done, 2000));
  task = await call(`/v1/video/tasks/${{task_id}}`);
}} while (task.status === "pending" || task.status === "running");
console.log(task.video_url ?? task.error);
"""
    return (("curl", curl), ("Python", python), ("JavaScript", javascript))
