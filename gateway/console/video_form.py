"""The Studio's form for a video, read into what the task core is asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile

from gateway.errors import InvalidRequest
from gateway.models import MODELS, ModelKind
from gateway.tasks.model import Preset, Task, VideoMode
from gateway.web.video_fields import Picture
from gateway.web.video_requests import VideoRequest

#: What the site offers, for the form's choices. Checked again where it counts, by `Services.check_video`.
MODELS_SHOWN = tuple(name for name, model in MODELS.items() if model.kind is ModelKind.VIDEO)
SECONDS = (6, 10)
LONG_SECONDS = 15
RATIOS = ("16:9", "9:16", "1:1", "3:2", "2:3", "4:3", "3:4")
RESOLUTIONS = ("480p", "720p")
PRESETS = (Preset.NORMAL, Preset.FUN, Preset.CUSTOM)


@dataclass(frozen=True, slots=True)
class VideoForm:
    """What stands in the form. ratio '': as the picture is. first, references: files, or links to files of ours; in a
    sketch that is only looked at, their names. extend: the task whose video is to go on.
    """

    prompt: str = ""
    model: str = MODELS_SHOWN[0]
    seconds: int = SECONDS[0]
    ratio: str = RATIOS[0]
    resolution: str = RESOLUTIONS[1]
    preset: str = Preset.NORMAL.value
    first: tuple[Picture, ...] = ()
    references: tuple[Picture, ...] = ()
    extend: str = ""

    @property
    def mode(self) -> VideoMode:
        if self.extend:
            return VideoMode.EXTEND
        return VideoMode.REFERENCES if self.references else VideoMode.IMAGE if self.first else VideoMode.TEXT

    def to_request(self, source: Task | None = None) -> VideoRequest:
        """source: the finished video that is extended. Raises InvalidRequest."""
        if self.first and self.references:
            raise InvalidRequest(
                "A first frame and references cannot be used together: remove one of them.", param="references"
            )
        if source is not None and source.result is not None:
            return VideoRequest(
                prompt=self.prompt,
                seconds=self.seconds,
                resolution=source.spec.resolution,
                aspect_ratio=source.spec.aspect_ratio,
                preset=source.spec.preset,
                mode=VideoMode.EXTEND,
                source_task_id=source.id,
                start_s=source.result.duration_s,
            )
        return VideoRequest(
            prompt=self.prompt,
            seconds=self.seconds,
            resolution=self.resolution,
            aspect_ratio=self.ratio or None,
            preset=self.preset,
            mode=self.mode,
            pictures=(*self.first, *self.references),
        )


def read_form(fields: Mapping[str, Any], *, first: Picture | None = None) -> VideoForm:
    """Read what the form sent. first: a picture of ours that it named instead of a file. Raises InvalidRequest."""
    firsts = _files(fields.get("first"))
    return VideoForm(
        prompt=str(fields.get("prompt") or "").strip(),
        model=_model(str(fields.get("model") or MODELS_SHOWN[0])),
        seconds=_number(fields.get("seconds")),
        ratio=str(fields.get("ratio") or ""),
        resolution=str(fields.get("resolution") or RESOLUTIONS[0]),
        preset=str(fields.get("preset") or Preset.NORMAL.value),
        first=firsts or (() if first is None else (first,)),
        references=_files(fields.get("references")),
        extend=str(fields.get("extend") or ""),
    )


def form_of(task: Task) -> VideoForm:
    """The form as it would ask for *task* again; pictures have to be added anew."""
    spec = task.spec
    model = task.model if task.model in MODELS_SHOWN else MODELS_SHOWN[0]
    return VideoForm(spec.prompt, model, spec.seconds, spec.aspect_ratio, spec.resolution, spec.preset.value)


def body_of(form: VideoForm) -> dict[str, Any]:
    """The body of the same call from code, without its pictures."""
    body: dict[str, Any] = {"model": form.model, "prompt": form.prompt, "duration": form.seconds}
    if form.extend:
        return body | {"video": {"file_id": form.extend}}
    if form.ratio:
        body["aspect_ratio"] = form.ratio
    body["resolution"] = form.resolution
    return body if form.preset == Preset.NORMAL else body | {"preset": form.preset}


def _files(value: Any) -> tuple[Picture, ...]:
    """Files that hold something (an empty field of a form is a file without a name), or names."""
    several = value if isinstance(value, list) else [value]
    return tuple(
        one for one in several if (isinstance(one, UploadFile) and one.filename) or (isinstance(one, str) and one)
    )


def _number(value: Any) -> int:
    try:
        return int(str(value or SECONDS[0]))
    except ValueError:
        raise InvalidRequest("The length is a number of seconds.", param="seconds") from None


def _model(name: str) -> str:
    if name not in MODELS_SHOWN:
        raise InvalidRequest("This model makes no videos; choose another one.", param="model")
    return name
