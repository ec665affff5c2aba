"""Every setting of the gateway, with unit, default and reason in one place.

Read, most specific first: command line, ``GATEWAY_*`` environment, ``.env`` in the working directory, ``gateway.toml`` in
the data directory, defaults. Each ``GATEWAY_X`` may also be given as ``GATEWAY_X_FILE``, a file holding the value.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(said: str) -> list[Network]:
    """Read addresses and networks separated by commas. Raises ValueError."""
    return [ipaddress.ip_network(word.strip(), strict=False) for word in said.split(",") if word.strip()]


class Headless(StrEnum):
    """How Chromium is shown."""

    AUTO = "auto"
    TRUE = "true"
    FALSE = "false"


class Protocol(StrEnum):
    """Which generation of the site's video protocol is spoken."""

    AUTO = "auto"
    G1 = "g1"
    G2 = "g2"


class ChatProtocol(StrEnum):
    """How the site is asked for a chat's answer."""

    AUTO = "auto"
    REST = "rest"
    MGW = "mgw"


class Role(StrEnum):
    """What this node does."""

    ALL = "all"
    API = "api"
    WORKER = "worker"


class OnAmbiguous(StrEnum):
    """What becomes of a task of which nobody can tell whether the site accepted it."""

    FAIL = "fail"
    RERUN = "rerun"


def default_data_dir() -> Path:
    return user_data_path("grok-gateway", appauthor=False)


class Settings(BaseSettings):
    """The gateway's settings. Durations are seconds, sizes bytes, unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_", env_file=".env", env_ignore_empty=True, extra="ignore", validate_default=True
    )

    # where things are
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Directory of everything the gateway keeps: database, profiles, media, secret key.",
    )
    database_url: str = Field(
        default="", description="`sqlite:///FILE` or `postgresql://…`; empty: `gateway.db` in the data directory."
    )
    media_url: str = Field(
        default="",
        description="Where files are kept: `file:///DIR`, or `s3://BUCKET/PREFIX` (any S3-compatible store; the prefix is "
        "this gateway's alone); empty: `media` in the data directory.",
    )
    s3_endpoint: str = Field(
        default="", description="Address of the S3-compatible store; empty: `AWS_ENDPOINT_URL`, else AWS."
    )
    s3_region: str = Field(default="", description="The bucket's region; empty: `AWS_REGION`, else us-east-1.")
    s3_access_key_id: str = Field(default="", description="Empty: the usual `AWS_…` variables, or the machine's role.")
    s3_secret_access_key: SecretStr | None = Field(default=None, description="Belongs to `GATEWAY_S3_ACCESS_KEY_ID`.")
    public_url: str = Field(
        default="",
        description="Address clients reach the gateway at; links in answers start with it. Empty: taken from the request.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    no_auth: bool = Field(default=False, description="Serve without API keys; only on a loopback address.")

    # several machines
    role: Role = Field(
        default=Role.ALL,
        description="What this node does: `all`; `api` serves clients and has no browsers; `worker` has browsers and serves "
        "only other nodes.",
    )
    node_id: str = Field(
        default="",
        pattern=r"^([a-z0-9]([a-z0-9.-]{0,62}))?$",
        description="This node's name among the others; empty: made from the host's name on first start and kept in the data "
        "directory.",
    )
    node_url: str = Field(
        default="",
        description="Address other nodes reach this one at, such as `http://10.0.0.7:8080`; empty: from host and port.",
    )
    bus_url: str = Field(
        default="",
        description="`postgresql://…` straight to the server, when `GATEWAY_DATABASE_URL` goes through a pooler (pgbouncer in "
        "transaction mode); change hints need a connection that stays. Empty: the database's own.",
    )

    # the console
    admin_password: SecretStr | None = Field(
        default=None,
        description="First password of the console's admin, for containers (`GATEWAY_ADMIN_PASSWORD_FILE`): used at a start "
        "where there is no admin yet, and never again.",
    )
    console_hosts: str = Field(
        default="",
        description="Further names the console answers to, separated by commas; loopback names, the address listened on and "
        "the host of `GATEWAY_PUBLIC_URL` always are. Keeps out web pages that point a name of theirs here.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks of the proxies before the gateway, separated by commas: their `X-Forwarded-For` is "
        "believed, so that wrong passwords are counted for each visitor and the audit log names him. Empty: nobody's is.",
    )
    console_idle_s: float = Field(
        default=7 * 86400, gt=0, description="An operator who did nothing for so long signs in to the console again."
    )
    console_session_s: float = Field(
        default=30 * 86400, gt=0, description="How long signing in to the console lasts at most."
    )
    live_idle_release_s: float = Field(
        default=600,
        gt=0,
        description="Who has control of a profile in the live view and does nothing for so long gives it back.",
    )
    live_control_max_s: float = Field(
        default=1800,
        gt=0,
        description="The longest anybody has control in the live view without asking again; also how long a link made "
        "for somebody lets him in.",
    )
    live_allow_private: bool = Field(
        default=False, description="Let the live view open addresses in private networks, this machine's included."
    )

    # secrets
    secret_key: SecretStr | None = Field(
        default=None,
        description="Master secret (any long text): encrypts sign-ins, signs links. Empty: made on first start and kept "
        "in `secret.key` of the data directory (0600). Losing it means signing in again. All nodes of one "
        "database need the same.",
    )
    secret_key_file: Path | None = Field(
        default=None,
        description="File that holds the master secret, in place of `secret.key`; made (0600) at the very first start when it "
        "is not there and its directory is.",
    )

    # browser
    browser_executable: str = Field(
        default="", description="Chromium to run; empty: Playwright's own, else an installed Chrome or Chromium."
    )
    browser_args: str = Field(default="", description="Further Chromium arguments, quoted as in a shell.")
    browser_sandbox: bool = Field(
        default=True, description="Chromium's sandbox; always off when run as root, where it cannot work."
    )
    headless: Headless = Field(
        default=Headless.AUTO,
        description="`auto`: a headed browser, on a virtual display of ours where there is none; a headless one says so "
        "in its user agent.",
    )
    idle_suspend_s: float = Field(
        default=900, ge=0, description="Close a ready profile's browser after this long without work; 0 never."
    )
    checkpoint_every_s: float = Field(
        default=600, gt=0, description="How often a changed sign-in is copied to its encrypted checkpoint."
    )
    verify_idle_every_s: float = Field(
        default=1800,
        ge=0,
        description="How often an idle running profile is asked whether it is still signed in; 0 never.",
    )
    probe_asleep_every_s: float = Field(
        default=21600,
        ge=0,
        description="How often a ready profile whose browser sleeps is woken to be asked the same, so that a sign-out is "
        "noticed before work needs it; 0 never.",
    )
    verify_waiting_every_s: float = Field(
        default=15, gt=0, description="How often a profile that waits for its operator is looked at."
    )

    egress_check_url: str = Field(
        default="",
        description="Page that shows the address a request came from, opened in each profile's own browser now and then: the "
        "gateway warns when a profile goes out another way than it signed in. Empty: only the proxy setting is compared.",
    )

    # the site
    protocol: Protocol = Field(
        default=Protocol.AUTO, description="Generation of the site's video protocol; `auto`: g2, else g1 when refused."
    )
    chat_protocol: ChatProtocol = Field(
        default=ChatProtocol.AUTO,
        description="How chats are asked for: `rest`, `mgw` (the WebSocket), or `auto`: the one that this profile's site took "
        "last, else the other.",
    )
    allow_spicy: bool = Field(default=False, description="Let clients use the site's `spicy` preset.")
    on_ambiguous: OnAmbiguous = Field(
        default=OnAmbiguous.FAIL,
        description="Work of which nobody can tell whether the site accepted it: `fail`, or `rerun` (may be made twice).",
    )
    video_slots: int = Field(default=2, ge=1, le=32, description="Videos one profile makes at once.")
    chat_slots: int = Field(
        default=48,
        ge=1,
        le=56,
        description="Chats one profile answers at once; with videos and images together its page carries 64 streams.",
    )
    image_slots: int = Field(default=2, ge=1, le=32, description="Image requests one profile works on at once.")
    account_slots: int = Field(
        default=0,
        ge=0,
        description="Videos one account makes at once, over all its profiles and nodes; 0: only `GATEWAY_VIDEO_SLOTS` counts.",
    )

    model_aliases: dict[str, str] = Field(
        default={},
        description='Further names clients may use for models, as JSON: `{"gpt-4o": "grok-4"}`. They win over the built-in ones.',
    )

    # deadlines
    first_frame_timeout_s: float = Field(
        default=60, gt=0, description="How long the site may take to answer a submitted video with its first frame."
    )
    stream_idle_timeout_s: float = Field(
        default=120, gt=0, description="Silence on a running stream after which it is re-attached."
    )
    video_timeout_s: float = Field(
        default=900, gt=0, description="How long a video may take at the site from submit to result."
    )
    call_queue_timeout_s: float = Field(
        default=20, gt=0, description="How long a chat or image request may wait for a place on a profile."
    )
    call_first_frame_timeout_s: float = Field(
        default=45, gt=0, description="How long the site may take to begin an answer to a chat or image request."
    )
    call_idle_timeout_s: float = Field(
        default=90,
        gt=0,
        description="Silence in a chat's or image's answer after which it is given up; a chat that the site keeps alive by "
        "heartbeats alone, three times as long.",
    )
    chat_timeout_s: float = Field(
        default=1800, gt=0, description="How long one chat answer may take in all, however steadily it comes."
    )
    image_timeout_s: float = Field(
        default=240, gt=0, description="How long an image request may take at the site, all its pictures together."
    )
    follow_poll_s: float = Field(default=4, gt=0, description="How often a re-attached video is looked up.")
    asset_wait_s: float = Field(
        default=90,
        gt=0,
        description="How long a finished video's file may answer 404 before it counts as lost; over all attempts.",
    )
    lost_submit_s: float = Field(
        default=90,
        gt=0,
        description="How long a video is looked for in the site's records when the answer to its request broke off before the "
        "first word: by then a video that is being made shows there.",
    )
    download_timeout_s: float = Field(default=600, gt=0, description="How long fetching one file may take.")
    cooldown_s: float = Field(
        default=60,
        gt=0,
        description="Rest after a rate limit that names no time; doubles up to an hour while it repeats.",
    )

    # tasks
    lease_s: float = Field(
        default=30, ge=3, description="A worker's claim on a task; renewed every third of it, given up at two thirds."
    )
    affinity_s: float = Field(
        default=120,
        ge=0,
        description="How long work begun at the site waits for the profile that began it, before another profile of the "
        "same account goes on with it; not at all when that profile's node has stopped.",
    )
    max_attempts: int = Field(default=4, ge=1, le=20, description="How often a task is tried before it fails.")
    max_queued: int = Field(default=5000, ge=1, description="Waiting tasks above which new ones are refused with 429.")
    task_timeout_s: float = Field(
        default=86400, gt=0, description="A task not finished this long after it was accepted fails, waiting included."
    )
    retention_s: float = Field(default=86400, gt=0, description="How long a finished task's files are kept.")
    task_retention_s: float = Field(default=30 * 86400, gt=0, description="How long finished tasks stay listed.")
    drain_s: float = Field(
        default=10, ge=0, description="How long a stopping gateway lets running work finish before handing it back."
    )

    # limits
    max_image_bytes: int = Field(default=50 * 1024 * 1024, gt=0, description="Largest picture taken as input.")
    max_video_bytes: int = Field(default=1024 * 1024 * 1024, gt=0, description="Largest video taken from the site.")
    fetch_timeout_s: float = Field(default=30, gt=0, description="How long fetching a caller's picture may take.")
    fetch_allow_private: bool = Field(
        default=False,
        description="Let clients name pictures on private and loopback addresses. Whoever has a key can then reach "
        "whatever this host can.",
    )
    notify_webhook_url: str = Field(
        default="",
        description="Where the operator is told, as signed JSON, that a profile needs them and that it is over; may be private.",
    )
    notify_webhook_secret: SecretStr | None = Field(
        default=None,
        description="What those are signed with (`whsec_…`). Empty: made from the master secret; see `gateway webhook secret`.",
    )
    notify_ntfy_url: str = Field(
        default="",
        description="The same as a plain sentence for phones: an ntfy topic (`https://ntfy.sh/TOPIC`) or what understands it.",
    )
    notify_ntfy_token: SecretStr | None = Field(default=None, description="Access token of that ntfy server.")
    notify_after_s: float = Field(
        default=60,
        ge=0,
        description="How long a profile must have needed a human before anybody is told; what passes by itself calls nobody.",
    )
    link_ttl_s: float = Field(default=86400, gt=0, description="How long a signed link to a file stays valid.")

    # logs
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug`, `info`, `warning` or `error`."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="`json`, `console`, or `auto`: console on a terminal."
    )

    @field_validator("model_aliases", mode="before")
    @classmethod
    def _json(cls, value: Any) -> Any:
        """A file (`GATEWAY_MODEL_ALIASES_FILE`) holds JSON text."""
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("headless", "log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> str:
        """``True`` and ``INFO`` mean what they say, and ``headless = true`` is no text in TOML."""
        return str(value).lower()

    @field_validator("browser_args")
    @classmethod
    def _splittable(cls, value: str) -> str:
        try:
            shlex.split(value)
        except ValueError as exc:
            raise ValueError(f"cannot be split as in a shell ({str(exc).lower()})") from None
        return value

    @field_validator("egress_check_url")
    @classmethod
    def _web_page(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("is an http:// or https:// address")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        try:
            networks(value)
        except ValueError as exc:
            raise ValueError(f"is a list of addresses and networks such as 10.0.0.0/8 ({exc})") from None
        return value

    @field_validator("data_dir", "secret_key_file")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        where = init_settings().get("data_dir") or env_settings().get("data_dir") or dotenv_settings().get("data_dir")
        toml = Path(str(where)).expanduser() / "gateway.toml" if where else default_data_dir() / "gateway.toml"
        return (
            init_settings,
            env_settings,
            _FileValues(settings_cls, os.environ),
            dotenv_settings,
            _FileValues(settings_cls, getattr(dotenv_settings, "env_vars", {})),
            TomlConfigSettingsSource(settings_cls, toml_file=toml),
        )

    @property
    def extra_browser_args(self) -> tuple[str, ...]:
        """``browser_args`` split as a shell would."""
        return tuple(shlex.split(self.browser_args))

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'gateway.db'}"

    @property
    def effective_media_url(self) -> str:
        return self.media_url or f"file://{self.data_dir / 'media'}"

    @property
    def profiles_dir(self) -> Path:
        return self.data_dir / "profiles"

    @property
    def checkpoints_dir(self) -> Path:
        """Beside the profiles, so that a profile's directory may be lost without its sign-in."""
        return self.data_dir / "checkpoints"

    @property
    def slots(self) -> dict[str, int]:
        """Slots per profile by kind of work."""
        return {"video": self.video_slots, "chat": self.chat_slots, "image": self.image_slots}


class _FileValues(PydanticBaseSettingsSource):
    """``GATEWAY_X_FILE`` in *variables*: the value of X is the content of that file (container secrets)."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._files = {name.upper(): path for name, path in variables.items()}

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = self._files.get(f"GATEWAY_{field_name.upper()}_FILE")
        if field_name == "secret_key" and path and not Path(path).exists():
            return None, field_name, False  # whether it may be made is decided where the secret is needed
        value = Path(path).read_text(encoding="utf-8").strip() if path else None
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(f, name)[0] for name, f in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}
