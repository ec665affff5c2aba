"""Where each setting in effect came from, and its value as it may be shown. Nothing secret leaves this module."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from gateway.settings import Settings

_LOGIN = re.compile(r"(?<=://)[^/\s@]+(?=@)")
#: Addresses whose very path is a secret: of these only the host is shown.
_ONLY_HOST = frozenset({"notify_webhook_url", "notify_ntfy_url"})
HIDDEN = "•••"


class Origin(StrEnum):
    """Who set it, most specific first."""

    COMMAND_LINE = "command_line"
    ENVIRONMENT = "environment"
    SECRET_FILE = "secret_file"  # noqa: S105 - a kind of place
    DOT_ENV = "dot_env"
    TOML = "toml"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting. name: as in the environment; value: as it may be shown, '' for none; place: the file, where one set it."""

    name: str
    value: str
    origin: Origin
    meaning: str
    place: str = ""


def shown_settings(settings: Settings) -> Sequence[Shown]:
    """Return every setting in effect, in the order of `Settings`."""
    env = {name.upper(): value for name, value in os.environ.items() if value}
    written = _dot_env()
    toml = settings.data_dir / "gateway.toml"
    in_toml = {name.lower() for name in _toml(toml)}
    found = []
    for field, facts in Settings.model_fields.items():
        name, value = f"GATEWAY_{field.upper()}", getattr(settings, field)
        place = ""
        if name in env:
            origin = Origin.ENVIRONMENT
        elif f"{name}_FILE" in env:
            origin, place = Origin.SECRET_FILE, env[f"{name}_FILE"]
        elif name in written or f"{name}_FILE" in written:
            origin, place = Origin.DOT_ENV, ".env"
        elif field in in_toml:
            origin, place = Origin.TOML, str(toml)
        else:
            origin = Origin.DEFAULT if value == _default(facts) else Origin.COMMAND_LINE
        found.append(Shown(name, as_shown(field, value), origin, facts.description or "", place))
    return found


def as_shown(field: str, value: Any) -> str:
    """Return a setting's value for people's eyes: secrets and passwords in addresses are hidden."""
    match value:
        case None | "":
            return ""
        case SecretStr():
            return HIDDEN
        case Enum():
            return str(value.value)
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}" if value < 1e6 else f"{value:.0f}"
        case _:
            return _address_or_text(field, str(value))


def _address_or_text(field: str, value: str) -> str:
    text = _LOGIN.sub(HIDDEN, value)
    if field in _ONLY_HOST:
        scheme, _, rest = text.partition("://")
        return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/{HIDDEN}"
    return text


def _default(facts: FieldInfo) -> Any:
    return facts.get_default(call_default_factory=True)


def _dot_env() -> set[str]:
    """The names that `.env` in the working directory gives a value."""
    try:
        lines = Path(".env").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    pairs = (line.removeprefix("export ").partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {name.strip().upper() for name, _, value in pairs if value.strip()}


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
