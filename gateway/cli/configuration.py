"""Reading the settings so that a mistake in them is told by name and place."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from gateway.cli.failures import ConfigurationError
from gateway.settings import Settings, default_data_dir


def read_settings(*, data_dir: Path | None = None, **overrides: object) -> Settings:
    """Return the settings; what is None was not said on the command line. Raises ConfigurationError."""
    said: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    if data_dir is not None:
        said["data_dir"] = data_dir
    try:
        return Settings(**said)
    except ValidationError as exc:
        raise ConfigurationError(_told(exc, said)) from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"{_toml(said)} is not valid TOML: {exc}; correct it there") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f".env or {_toml(said)} is not UTF-8 text: save it as UTF-8") from None
    except SettingsError as exc:
        raise ConfigurationError(f"the settings cannot be read: {exc}") from None
    except OSError as exc:
        raise ConfigurationError(
            f"{exc.filename} cannot be read ({(exc.strerror or 'error').lower()}): mend or remove it"
        ) from None


def _told(exc: ValidationError, said: dict[str, Any]) -> str:
    """Name the first bad setting, its place and what is wrong with it; the value itself only when it is no secret."""
    first = exc.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    shown = "" if "secret" in field or "url" in field else f" {first['input']!r}"
    more = f" ({exc.error_count() - 1} more are wrong)" if exc.error_count() > 1 else ""
    return f"setting {_place(field, said)} has a bad value{shown}: {reason}{more}"


def _place(field: str, said: dict[str, Any]) -> str:
    name = f"GATEWAY_{field.upper()}"
    if field in said:
        return f"--{field.replace('_', '-')}"
    if name in os.environ:
        return name
    if f"{name}_FILE" in os.environ:
        return f"{name}_FILE"
    if (env := Path(".env")).is_file() and name in env.read_text("utf-8", "replace").upper():
        return f"{name} (in .env)"
    return f"{field} (in {_toml(said)})"


def _toml(said: dict[str, Any]) -> Path:
    where = said.get("data_dir") or os.environ.get("GATEWAY_DATA_DIR") or default_data_dir()
    return Path(str(where)).expanduser() / "gateway.toml"
