"""The same call as curl, Python and JavaScript, for a person to copy. Pure.

A video is shown in xAI's form, which knows all that the site takes; chats and pictures in OpenAI's, with its own libraries.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Sample = tuple[str, str]
_WORDS = {"true": "True", "false": "False", "null": "None"}
_BARE = re.compile(r"(^|: )(true|false|null)(,?)$")
KEY = "YOUR_KEY"
# For any POSIX shell; `echo` of some of them would read the backslashes in the answer.
_UNTIL_DONE = """\
printf '%s\\n' "$ANSWER"
ID=$(printf '%s' "$ANSWER" | sed -n 's/.*"request_id": *"\\([^"]*\\)".*/\\1/p')

# asked for until it is done; the last answer has the video's address
while [ -n "$ID" ]; do
  ANSWER=$(curl -s "$BASE/v1/videos/$ID" -H "Authorization: Bearer $KEY")
  printf '%s\\n' "$ANSWER"
  case $ANSWER in *'"status":"pending"'*) sleep 2 ;; *) break ;; esac
done
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture of the call. field: what it is sent as; name: of the file."""

    field: str
    name: str


def video(base: str, body: Mapping[str, Any], uploads: Sequence[Upload] = (), *, extends: bool = False) -> list[Sample]:
    """A video with xAI's body. Pictures are sent as files of a form."""
    path = "/v1/videos/extensions" if extends else "/v1/videos/generations"
    return [
        ("curl", _video_curl(base, path, body, uploads)),
        ("Python", _video_python(base, path, body, uploads)),
        ("JavaScript", _video_js(base, path, body, uploads)),
    ]


def chat(base: str, body: Mapping[str, Any]) -> list[Sample]:
    """A chat with OpenAI's body."""
    known = {name: body[name] for name in body if name in ("model", "messages")}
    more = {name: body[name] for name in body if name not in known and name != "stream"}
    python = [f"    {name}={_python(value, 4)},\n" for name, value in known.items()]
    python += [f"    extra_body={_python(more, 4)},\n"] if more else []
    return [
        ("curl", _curl(base, "/v1/chat/completions", body, quiet="-N")),
        (
            "Python",
            f"{_openai_python(base)}\nfor chunk in client.chat.completions.create(\n{''.join(python)}    stream=True,\n):\n"
            '    if chunk.choices:\n        print(chunk.choices[0].delta.content or "", end="", flush=True)\n',
        ),
        (
            "JavaScript",
            f"{_openai_js(base)}\nconst stream = await client.chat.completions.create({_js(body)});\n"
            'for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");\n',
        ),
    ]


def image(base: str, body: Mapping[str, Any], uploads: Sequence[Upload] = ()) -> list[Sample]:
    """Pictures with OpenAI's body; with *uploads* they are edited."""
    if uploads:
        return _edit(base, body, uploads)
    known = {name: body[name] for name in body if name in ("model", "prompt", "n")}
    more = {name: body[name] for name in body if name not in known}
    python = "".join(f"    {name}={_python(value, 4)},\n" for name, value in known.items())
    python += f"    extra_body={_python(more, 4)},\n" if more else ""
    return [
        ("curl", _curl(base, "/v1/images/generations", body)),
        (
            "Python",
            f"{_openai_python(base)}\nanswer = client.images.generate(\n{python})\n"
            "for picture in answer.data:\n    print(picture.url)\n",
        ),
        (
            "JavaScript",
            f"{_openai_js(base)}\nconst answer = await client.images.generate({_js(body)});\n"
            "for (const picture of answer.data) console.log(picture.url);\n",
        ),
    ]


# -- videos ------------------------------------------------------------------------------------------------------------
def _video_curl(base: str, path: str, body: Mapping[str, Any], uploads: Sequence[Upload]) -> str:
    start = f"KEY={KEY}\nBASE={shlex.quote(base)}\n\n"
    if uploads:
        sent = " \\\n".join(
            [f"  --form-string {shlex.quote(f'{name}={value}')}" for name, value in body.items()]
            + [f"  -F {shlex.quote(f'{one.field}=@{one.name}')}" for one in uploads]
        )
        call = f'curl -s "$BASE{path}" \\\n  -H "Authorization: Bearer $KEY" \\\n{sent}'
    else:
        call = _curl_call(path, body)
    return f"{start}ANSWER=$({call})\n{_UNTIL_DONE}"


def _video_python(base: str, path: str, body: Mapping[str, Any], uploads: Sequence[Upload]) -> str:
    if uploads:
        files = "".join(
            f'        ("{one.field}", open({json.dumps(one.name, ensure_ascii=False)}, "rb")),\n' for one in uploads
        )
        sent = f"    data={_python(body, 4)},\n    files=[\n{files}    ],\n"
    else:
        sent = f"    json={_python(body, 4)},\n"
    return (
        f'import time\n\nimport requests\n\nBASE = "{base}"\nHEADERS = {{"Authorization": "Bearer {KEY}"}}\n\n'
        f'answer = requests.post(\n    BASE + "{path}",\n    headers=HEADERS,\n{sent})\nanswer.raise_for_status()\n'
        'address = BASE + "/v1/videos/" + answer.json()["request_id"]\n'
        'while (video := requests.get(address, headers=HEADERS).json())["status"] == "pending":\n'
        '    print(video.get("progress"), "%")\n    time.sleep(2)\n\n'
        'if video["status"] != "done":\n    raise SystemExit(video)\n'
        'with open("video.mp4", "wb") as file:\n    file.write(requests.get(video["video"]["url"]).content)\n'
    )


def _video_js(base: str, path: str, body: Mapping[str, Any], uploads: Sequence[Upload]) -> str:
    head = f'const BASE = "{base}";\nconst headers = {{ Authorization: "Bearer {KEY}" }};\n\n'
    if uploads:
        lines = [f"form.append({json.dumps(name)}, {_js(str(value))});" for name, value in body.items()]
        lines += [
            f"form.append({json.dumps(one.field)}, await openAsBlob({_js(one.name)}), {_js(one.name)});"
            for one in uploads
        ]
        head = (
            'import { openAsBlob } from "node:fs";\n\n'
            + head
            + "const form = new FormData();\n"
            + "\n".join(lines)
            + "\n"
        )
        sent = '{ method: "POST", headers, body: form }'
    else:
        sent = (
            '{\n  method: "POST",\n  headers: { ...headers, "Content-Type": "application/json" },\n'
            f"  body: JSON.stringify({_js(body, 2)}),\n}}"
        )
    return (
        f'{head}const {{ request_id }} = await (await fetch(BASE + "{path}", {sent})).json();\nlet video;\ndo {{\n'
        "  await new Promise((done) => setTimeout(done, 2000));\n"
        "  video = await (await fetch(`${BASE}/v1/videos/${request_id}`, { headers })).json();\n"
        '} while (video.status === "pending");\nconsole.log(video.video?.url ?? video.error);\n'
    )


# -- pictures to edit --------------------------------------------------------------------------------------------------
def _edit(base: str, body: Mapping[str, Any], uploads: Sequence[Upload]) -> list[Sample]:
    sent = " \\\n".join(
        [f"  --form-string {shlex.quote(f'{name}={value}')}" for name, value in body.items()]
        + [f"  -F {shlex.quote(f'image[]=@{one.name}')}" for one in uploads]
    )
    known = {name: body[name] for name in body if name in ("model", "prompt", "n")}
    more = {name: body[name] for name in body if name not in known}
    python = "".join(f"    {name}={_python(value, 4)},\n" for name, value in known.items())
    python += f"    extra_body={_python(more, 4)},\n" if more else ""
    opened = ", ".join(f'open({json.dumps(one.name, ensure_ascii=False)}, "rb")' for one in uploads)
    streams = ", ".join(f"fs.createReadStream({_js(one.name)})" for one in uploads)
    return [
        (
            "curl",
            f"KEY={KEY}\nBASE={shlex.quote(base)}\n\n"
            f'curl -s "$BASE/v1/images/edits" \\\n  -H "Authorization: Bearer $KEY" \\\n{sent}\n',
        ),
        (
            "Python",
            f"{_openai_python(base)}\nanswer = client.images.edit(\n    image=[{opened}],\n{python})\n"
            "for picture in answer.data:\n    print(picture.url or len(picture.b64_json))\n",
        ),
        (
            "JavaScript",
            f'import fs from "node:fs";\n{_openai_js(base)}\n'
            f"const answer = await client.images.edit({{ image: [{streams}], ...{_js(body)} }});\n"
            "for (const picture of answer.data) console.log(picture.url ?? picture.b64_json.length);\n",
        ),
    ]


# -- words -------------------------------------------------------------------------------------------------------------
def _curl(base: str, path: str, body: Mapping[str, Any], *, quiet: str = "-s") -> str:
    return f"KEY={KEY}\nBASE={shlex.quote(base)}\n\n{_curl_call(path, body, quiet=quiet)}\n"


def _curl_call(path: str, body: Mapping[str, Any], *, quiet: str = "-s") -> str:
    text = shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))
    headers = '-H "Authorization: Bearer $KEY" \\\n  -H "Content-Type: application/json"'
    return f'curl {quiet} "$BASE{path}" \\\n  {headers} \\\n  -d {text}'


def _openai_python(base: str) -> str:
    return f'from openai import OpenAI\n\nclient = OpenAI(base_url="{base}/v1", api_key="{KEY}")\n'


def _openai_js(base: str) -> str:
    return f'import OpenAI from "openai";\n\nconst client = new OpenAI({{ baseURL: "{base}/v1", apiKey: "{KEY}" }});\n'


def _python(value: Any, indent: int) -> str:
    """A value as Python writes it, over several lines where JSON would be."""
    text = json.dumps(value, ensure_ascii=False, indent=4)
    # A text that is one of these words stands between quotes, and is left alone.
    lines = [_BARE.sub(lambda found: found[1] + _WORDS[found[2]] + found[3], line) for line in text.split("\n")]
    return ("\n" + " " * indent).join(lines)


def _js(value: Any, indent: int = 0) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n" + " " * indent)
