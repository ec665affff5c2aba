"""Who is asking: an API key's identity and rights, as the rest of the house sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from gateway.errors import ModelNotFound, PermissionDenied


class Scope(StrEnum):
    """What a key may be used for."""

    VIDEO = "video"
    IMAGE = "image"
    CHAT = "chat"


class Priority(IntEnum):
    """Classes of tasks: a higher one goes first, but one that waits gets a place of ten; within one, keys share by weight."""

    LOW = -10
    NORMAL = 0
    HIGH = 10

    @property
    def word(self) -> str:
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Priority | None:
        """The class of that name, None when there is none."""
        return next((one for one in cls if one.word == word.strip().lower()), None)

    @classmethod
    def at_most(cls, level: int) -> Priority:
        """The highest class not above *level*: a later version may know more of them."""
        return max((one for one in cls if one <= level), default=cls.LOW)


ALL_SCOPES: frozenset[Scope] = frozenset(Scope)

#: The key id of everybody when the gateway serves without keys.
LOCAL_KEY_ID = "local"

#: The key id of what the operator makes at the console.
CONSOLE_KEY_ID = "console"


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that proved who it is. models None: any; limits None: the gateway's own; priority: its tasks' at most."""

    key_id: str
    name: str
    scopes: frozenset[Scope] = ALL_SCOPES
    models: frozenset[str] | None = None
    max_queued: int | None = None
    max_running: int | None = None
    requests_per_minute: int | None = None
    weight: int = 1
    priority: Priority = Priority.NORMAL
    default_dialect: str | None = None

    def require(self, scope: Scope) -> None:
        """Raise PermissionDenied unless the key may do *scope*."""
        if scope not in self.scopes:
            raise PermissionDenied(f"This API key is not allowed to use {scope} endpoints.")

    def require_model(self, model: str) -> None:
        """Raise ModelNotFound when the key is kept to other models."""
        if self.models is not None and model not in self.models:
            raise ModelNotFound(f"The model `{model}` does not exist or you do not have access to it.", param="model")


def local_caller() -> Caller:
    """Everybody, when the gateway serves without keys (loopback only)."""
    return Caller(key_id=LOCAL_KEY_ID, name="local")


def console_caller() -> Caller:
    """The operator, who has every right: what is made at the console belongs to nobody's key."""
    return Caller(key_id=CONSOLE_KEY_ID, name="console")
