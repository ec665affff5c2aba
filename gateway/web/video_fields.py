"""Fields that many dialects have, in all the ways clients write them. Pure.

Numbers come as text, pictures as text, mapping or file, lists as JSON in a form. What is known and cannot be honoured is
refused by name; what is not known is nobody's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.datastructures import UploadFile

from gateway.auth.callers import Caller, Priority
from gateway.errors import EmptyPrompt, InvalidRequest, PermissionDenied, UnsupportedParameter
from gateway.models import Model
from gateway.tasks.model import VideoMode
from gateway.webhooks.callbacks import NAMES as CALLBACK_NAMES

#: What every dialect here accepts at most, whatever its own documentation says.
MAX_SECONDS = 15

Picture = str | UploadFile


def _text(value: Any) -> Any:
    """Numbers where text is meant are somebody's JSON library, not a mistake worth refusing."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _number(value: Any) -> Any:
    """``"4"``, ``" 4 "`` and ``"4s"`` are four."""
    return value.strip().removesuffix("s") if isinstance(value, str) else value


def _nothing(value: Any) -> Any:
    """An empty text in a form is a field nobody filled in."""
    return None if isinstance(value, str) and not value.strip() else value


Text = Annotated[str, BeforeValidator(_text)]
OptionalText = Annotated[str | None, BeforeValidator(_text), BeforeValidator(_nothing)]
Seconds = Annotated[
    Annotated[float, Field(allow_inf_nan=False)] | None,
    BeforeValidator(_number),
    BeforeValidator(_nothing),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]}),
]
Count = Annotated[
    int | None,
    BeforeValidator(_nothing),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
]


#: Read by `webhooks.callbacks` under all its names; here for the documentation.
CALLBACK: Any = Field(
    default=None,
    description="Where to tell that the task is over: an https:// address, sent a signed POST (Standard Webhooks). Also "
    "taken as `webhook_url`, `webhook`, `notify_hook`.",
)


#: Read by `priority_of`; here for the documentation.
PRIORITY: Any = Field(
    default=None,
    description="`low`, `normal` or `high`: served before or after tasks of other classes. At most the class of the API key, "
    "which is what counts when nothing is said.",
)


class Lenient(BaseModel):
    """A body as clients send it: fields nobody knows are ignored."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)


def unread(fields: Mapping[str, Any], *wires: type[BaseModel], known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names in *fields* that say something and that none of *wires* reads; they are reported, not dropped.

    known: further names that are dealt with elsewhere.
    """
    names = {*known, *CALLBACK_NAMES, "priority"}
    for wire in wires:
        for name, field in wire.model_fields.items():
            alias = field.validation_alias
            names |= {str(one) for one in alias.choices} if isinstance(alias, AliasChoices) else {name}
    return tuple(name for name, value in fields.items() if name not in names and value not in (None, "", [], {}))


# -- refusals ----------------------------------------------------------------------------------------------------------
def refuse(fields: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
    """Raise UnsupportedParameter for the first of *reasons*' names that really says something."""
    for name, why in reasons.items():
        if fields.get(name) not in (None, "", [], {}, False):
            raise UnsupportedParameter(f"'{name}' cannot be honoured: {why}", param=name)


def only_one(n: int | None) -> None:
    """Raise UnsupportedParameter when several videos are asked for at once."""
    if n is not None and n != 1:
        raise UnsupportedParameter("'n' cannot be honoured: one video is made per request.", param="n")


def one_of(param: str, value: str | None, allowed: Iterable[str]) -> str | None:
    """Return *value* if it is among *allowed* or was not said. Raises InvalidRequest that lists them."""
    listed = tuple(allowed)
    if value is not None and value not in listed:
        raise InvalidRequest(
            f"Invalid value for '{param}': {value[:60]!r}. Supported values are: {', '.join(listed)}.", param=param
        )
    return value


def seconds_within(param: str, value: float | None, *, most: float = MAX_SECONDS) -> float | None:
    """Return the length asked for, if it is one. Zero is a mistake, not "nothing said". Raises InvalidRequest."""
    if value is not None and not 1 <= value <= most:
        raise InvalidRequest(f"Invalid value for '{param}': {value:g}. Expected 1 to {most:g} seconds.", param=param)
    return value


def prompt_of(text: str, *, needed: bool = True) -> str:
    """Return the prompt without white space around it. Raises EmptyPrompt where one is *needed*."""
    text = text.strip()
    if needed and not text:
        raise EmptyPrompt("Prompt cannot be empty", param="prompt")
    return text


def priority_of(fields: Mapping[str, Any], caller: Caller) -> Priority:
    """Return the class a task is served in. Raises InvalidRequest, and PermissionDenied above that of the caller's key."""
    said = fields.get("priority")
    if said in (None, ""):
        return caller.priority
    found = Priority.of(said) if isinstance(said, str) else None
    if found is None:
        one_of("priority", str(said), [one.word for one in Priority])
    assert found is not None
    if found > caller.priority:
        raise PermissionDenied(
            f"This API key's tasks have at most priority '{caller.priority.word}'.", param="priority"
        )
    return found


# -- pictures ----------------------------------------------------------------------------------------------------------
def pictures_in(value: Any, param: str) -> list[Picture]:
    """Return the pictures a field names: a text, a file, ``{url}``, ``{image_url}``, ``{file_id}``, or a list of those."""
    value = _from_json(value)
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [picture for one in value for picture in pictures_in(one, param)]
    if isinstance(value, UploadFile):
        return [value] if value.size or value.filename else []
    if isinstance(value, str):
        return [value.strip()] if value.strip() else []
    if isinstance(value, Mapping):
        for name in ("url", "image_url", "file_id", "id"):
            if value.get(name):
                return pictures_in(value[name], param)
    raise InvalidRequest(
        f"Invalid value for '{param}': an image is given as an http(s) URL, a data:image/… URL, a file_id or a file.",
        param=param,
    )


def mode_of(
    model: Model, name: str, first: Sequence[Picture], references: Sequence[Picture] = (), *, params: tuple[str, str]
) -> VideoMode:
    """Return what a video is made from, given its *first* frame or its *references*; several first frames are references.

    name: the model as the client calls it; params: what the client calls the two. Raises InvalidRequest when both are
    given or the model takes another number of pictures.
    """
    if first and references:
        raise InvalidRequest(f"{params[0]} and {params[1]} cannot be used together.", param=params[1])
    count = len(first) + len(references)
    fewest, most = model.pictures
    param = params[1] if references else params[0]
    if fewest == most == 1 and count != 1:
        raise InvalidRequest(f"{name} only supports exactly one reference image", param=param)
    if count > most:
        raise InvalidRequest(f"{name} supports at most {most} reference images.", param=param)
    if not count:
        return VideoMode.TEXT
    return VideoMode.REFERENCES if count > 1 or (references and most > 1) else VideoMode.IMAGE


def _from_json(value: Any) -> Any:
    """Structure that travelled through a form as text."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
