"""Whatever a command fails with, in one sentence with the next step."""

from __future__ import annotations

import errno
from dataclasses import dataclass


class CommandError(Exception):
    """A command cannot do what it was asked. code: stable, for programs; the message is a sentence for people."""

    def __init__(self, code: str, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code


class ConfigurationError(CommandError):
    """A setting cannot be used; the message names it and where it was read."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_setting", message)


@dataclass(frozen=True, slots=True)
class Explained:
    """A failure as it is told. An empty message says nothing (help was shown instead)."""

    code: str
    message: str
    exit_code: int = 1


def explain(exc: BaseException) -> Explained:
    """Return the sentence for *exc*. Groups are told by their first member; what we do not know is named as a bug."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    if isinstance(exc, CommandError):
        return Explained(exc.code, exc.message, exc.exit_code)
    if told := _told_by_typer(exc) or _told_by_the_house(exc) or _told_by_the_system(exc):
        return told
    return Explained(
        "internal",
        f"{type(exc).__name__}: {_one_line(exc)} (a bug; run again with GATEWAY_LOG_LEVEL=debug to see where)",
    )


def _told_by_typer(exc: BaseException) -> Explained | None:
    import typer  # noqa: PLC0415

    if not isinstance(exc, typer.TyperException):
        return None
    if type(exc).__name__ == "NoArgsIsHelpError":
        print(exc.format_message())
        return Explained("usage", "", 2)
    message = exc.format_message().strip().replace(". Did you mean", "; did you mean").rstrip(".?")
    message = message[:1].lower() + message[1:]
    context = getattr(exc, "ctx", None)
    command = context.command_path if context is not None else "gateway"
    return Explained("usage", f"{message}; see: {command} --help", 2)


def _told_by_the_house(exc: BaseException) -> Explained | None:
    from browser.errors import BrowserError  # noqa: PLC0415
    from gateway.errors import GatewayError  # noqa: PLC0415
    from gateway.profiles.errors import ProfileError  # noqa: PLC0415

    if isinstance(exc, GatewayError | ProfileError):
        return Explained(exc.code, _one_line(exc))
    if isinstance(exc, BrowserError):
        code = "".join("_" + c.lower() if c.isupper() else c for c in type(exc).__name__).lstrip("_")
        return Explained(code, _one_line(exc))
    module = type(exc).__module__
    if module.startswith(("sqlalchemy", "alembic", "aiosqlite", "asyncpg", "sqlite3")):
        return Explained(
            "database_unavailable",
            f"the database cannot be used: {_cause(exc)}; check GATEWAY_DATABASE_URL, then: gateway doctor",
        )
    return None


def _told_by_the_system(exc: BaseException) -> Explained | None:
    if isinstance(exc, PermissionError):
        return Explained(
            "permission_denied", f"no permission for {exc.filename}: run as its owner, or choose another --data-dir"
        )
    if isinstance(exc, OSError) and exc.errno == errno.EROFS:
        return Explained(
            "permission_denied", f"{exc.filename or 'it'} is on a read-only file system: choose another --data-dir"
        )
    if isinstance(exc, OSError) and exc.errno == errno.ENOSPC:
        return Explained("storage_full", "the disk is full: free some room and try again")
    if isinstance(exc, OSError):
        place = f" ({exc.filename})" if exc.filename else ""
        return Explained("system_error", f"{(exc.strerror or str(exc)).lower()}{place}; gateway doctor may know more")
    return None


def _cause(exc: BaseException) -> str:
    """Return the innermost cause: a driver's own words say more than SQLAlchemy's wrapping of them."""
    while (inner := getattr(exc, "orig", None) or exc.__cause__) is not None:
        exc = inner
    return _one_line(exc)


def _one_line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(exc).__name__
