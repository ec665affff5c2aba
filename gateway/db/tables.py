"""Every table of the gateway, once, for both databases. Rows are read and written through Core by the package they serve.

Times are aware UTC (`Instant`). Change a table together with a migration; a test compares them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.db.columns import Instant, json_column

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# -- tasks -------------------------------------------------------------------------------------------------------
tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("requires", Text, nullable=False),  # sorted words, '' for none; compared with Offer.allows
    Column("prompt", Text, nullable=False),
    Column("spec", json_column(), nullable=False),
    Column("run_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False),  # charged ones
    Column("max_attempts", Integer, nullable=False),
    Column("claims", Integer, nullable=False),  # all of them; numbers task_attempts
    Column("owner", Text),
    Column("token", Integer, nullable=False),
    Column("lease_until", Instant),
    Column("cancel_requested_at", Instant),
    Column(
        "bound", Boolean, nullable=False
    ),  # a side effect tied it to account_id, or where that is unknown to profile
    Column("account_id", Text),
    Column("profile", Text),
    Column("stage", Text),
    Column("progress", Integer, nullable=False),
    Column("wait_code", Text),
    Column("wait_reason", Text),
    Column("result", json_column()),
    Column("failure", json_column()),
    Column("last_seq", Integer, nullable=False),  # number of the newest event
    Column("deadline_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("expires_at", Instant),  # what clients are told
    Column("prune_at", Instant),  # when its files go; NULL once they are gone
    Column("deleted_at", Instant),  # hidden since; the row goes with its files
    Column("idempotency_key", Text),
    Column("request_hash", Text, nullable=False),
    Column("dialect_data", json_column(), nullable=False),
    Column("trace_parent", Text),
    Column("retry_of", Text),  # the task this one repeats; it may be gone meanwhile
    UniqueConstraint("key_id", "idempotency_key"),
)
_queued = text("state = 'queued'")
_shown = text("deleted_at IS NULL")
# Everything a claim looks at, in the order in which a key's tasks are taken; and the few that were begun before.
Index(
    "ix_tasks_queue",
    tasks.c.kind,
    tasks.c.key_id,
    tasks.c.priority.desc(),
    tasks.c.created_at,
    tasks.c.id,
    tasks.c.run_at,
    tasks.c.bound,
    tasks.c.account_id,
    tasks.c.profile,
    tasks.c.requires,
    tasks.c.state,
    sqlite_where=_queued,
    postgresql_where=_queued,
)
_begun = text("state = 'queued' AND bound")
Index(
    "ix_tasks_begun",
    tasks.c.kind,
    tasks.c.priority.desc(),
    tasks.c.run_at,
    sqlite_where=_begun,
    postgresql_where=_begun,
)
# The two below say more than "queued", so that only questions about these times can use them: PostgreSQL, whose statistics
# lag behind a queue that comes and goes, took them for the queue's, too, and read all of it for every key.
# (SQLite reads that off the rest of the question only where the column may be empty.)
_due = text("state = 'queued' AND run_at IS NOT NULL")
Index("ix_tasks_run_at", tasks.c.run_at, tasks.c.kind, tasks.c.state, sqlite_where=_queued, postgresql_where=_due)
_limited = text("state = 'queued' AND deadline_at IS NOT NULL")
Index("ix_tasks_deadline", tasks.c.deadline_at, sqlite_where=_limited, postgresql_where=_limited)
_running = text("state = 'running'")
Index("ix_tasks_lease", tasks.c.lease_until, tasks.c.key_id, sqlite_where=_running, postgresql_where=_running)
_has_files = text("prune_at IS NOT NULL")
Index("ix_tasks_prune", tasks.c.prune_at, sqlite_where=_has_files, postgresql_where=_has_files)
_finished = text("finished_at IS NOT NULL")
Index("ix_tasks_finished", tasks.c.finished_at, sqlite_where=_finished, postgresql_where=_finished)
# Listings: newest first, by keyset; deleted tasks are in none of them.
Index(
    "ix_tasks_newest",
    tasks.c.created_at.desc(),
    tasks.c.id.desc(),
    sqlite_where=_shown,
    postgresql_where=_shown,
)
Index(
    "ix_tasks_newest_of_key",
    tasks.c.key_id,
    tasks.c.created_at.desc(),
    tasks.c.id.desc(),
    sqlite_where=_shown,
    postgresql_where=_shown,
)
Index(
    "ix_tasks_newest_in_state",
    tasks.c.state,
    tasks.c.created_at.desc(),
    tasks.c.id.desc(),
    sqlite_where=_shown,
    postgresql_where=_shown,
)
Index(
    "ix_tasks_newest_of_key_in_state",
    tasks.c.key_id,
    tasks.c.state,
    tasks.c.created_at.desc(),
    tasks.c.id.desc(),
    sqlite_where=_shown,
    postgresql_where=_shown,
)
Index(
    "ix_tasks_newest_of_profile",
    tasks.c.profile,
    tasks.c.created_at.desc(),
    tasks.c.id.desc(),
    sqlite_where=_shown,
    postgresql_where=_shown,
)
_repeats = text("retry_of IS NOT NULL")
Index("ix_tasks_retry_of", tasks.c.retry_of, sqlite_where=_repeats, postgresql_where=_repeats)
Index(
    "ix_tasks_newest_of_dialect",
    tasks.c.dialect,
    tasks.c.created_at.desc(),
    tasks.c.id.desc(),
    sqlite_where=_shown,
    postgresql_where=_shown,
)
Index(
    "ix_tasks_newest_of_model",
    tasks.c.model,
    tasks.c.created_at.desc(),
    tasks.c.id.desc(),
    sqlite_where=_shown,
    postgresql_where=_shown,
)


def _task_id() -> Column[str]:
    return Column("task_id", Text, ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)


task_steps = Table(
    "task_steps",
    metadata,
    _task_id(),
    Column("name", Text, primary_key=True),
    Column("done", Boolean, nullable=False),
    Column("intent", json_column(), nullable=False),
    Column("external", json_column(), nullable=False),
    Column("output", json_column(), nullable=False),
    Column("token", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
)

task_events = Table(
    "task_events",
    metadata,
    _task_id(),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", json_column(), nullable=False),
)

task_attempts = Table(
    "task_attempts",
    metadata,
    _task_id(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("profile", Text),
    Column("owner", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", Text),
    Column("failure", json_column()),
)

# The ids at the site that a task's steps hold, so that a task which lost sight of its request does not adopt another's.
task_site_ids = Table(
    "task_site_ids",
    metadata,
    _task_id(),
    Column("site_id", Text, primary_key=True, index=True),
)

# How much of the slots each key has had: a virtual finish time (`tasks.fairness`). key_id '' holds the clock, ':low'
# and the other classes how many places went past them.
queue_shares = Table(
    "queue_shares",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("finish", Double, nullable=False),
)

# Idempotency-Keys whose task is gone: they count for their day all the same.
used_idempotency_keys = Table(
    "used_idempotency_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("task_id", Text, nullable=False),
    Column("created_at", Instant, nullable=False, index=True),  # of the task
)

# Image requests under an Idempotency-Key, with the pictures that came of them.
kept_calls = Table(
    "kept_calls",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    Column("until", Instant, nullable=False),  # believed to be at work until then
    Column("result", json_column()),  # NULL while it is worked on
)

picture_fingerprints = Table(
    "picture_fingerprints",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("task_id", Text, primary_key=True),
    Column("prompt_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
)

# -- callers -----------------------------------------------------------------------------------------------------
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("scopes", json_column()),
    Column("models", json_column()),
    Column("max_queued", Integer),
    Column("max_running", Integer),
    Column("requests_per_minute", Integer),
    Column("weight", Integer, nullable=False, server_default=text("1")),
    Column("priority", Integer),  # of its tasks, at most; NULL: normal
    Column("default_dialect", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("last_used_at", Instant),
    Column("webhook_secret_number", Integer),  # NULL: never replaced
    Column("webhook_secret_at", Instant),  # when it was replaced last
)

# -- the operator ------------------------------------------------------------------------------------------------
# The admin's password stands in `meta` under "admin". Secrets of links and sessions are kept as keyed hashes.
setup_links = Table(
    "setup_links",
    metadata,
    Column("secret_hash", Text, primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
)

live_grants = Table(
    "live_grants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("profile", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("created_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("cookie_hash", Text, unique=True),
    Column("cookie_expires_at", Instant),
    Column("revoked_at", Instant),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("data", json_column()),
)

# -- files -------------------------------------------------------------------------------------------------------
assets = Table(
    "assets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("suffix", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("key_id", Text),
    Column("task_id", Text, index=True),
    Column("file_name", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration_s", Double),
    Column("created_at", Instant),
    Column("expires_at", Instant, index=True),
    Column("upstream", json_column()),
    Column("prompt", Text),  # what a picture was asked for with; a video's stands in its task
)
Index("ix_assets_newest_of_key", assets.c.key_id, assets.c.kind, assets.c.created_at.desc())
Index("ix_assets_newest", assets.c.kind, assets.c.created_at.desc(), assets.c.id.desc())

# -- profiles and nodes ------------------------------------------------------------------------------------------
profiles = Table(
    "profiles",
    metadata,
    Column("name", Text, primary_key=True),
    Column("node_id", Text, nullable=False, index=True),
    Column("proxy", Text),  # sealed by gateway.profiles
    Column("enabled", Boolean, nullable=False),
    Column("clearance", Text, nullable=False),
    Column("reason", Text),
    Column("since", Instant),
    Column("account_id", Text),
    Column("account", json_column()),
    Column("cooldowns", json_column()),
    Column("capabilities", json_column()),
    Column("protocol", Text),
    Column("quota", json_column()),
    Column("health", json_column()),  # recent outcomes, see gateway.profiles.health
    Column("egress", json_column()),  # the way out it signed in through, see gateway.profiles.way_out
    Column("checkpoints", json_column()),  # its copies, newest first, for nodes that do not have them
    Column("live", json_column()),  # memory and slots, as its node last measured
    Column("restore_generation", Integer),  # the copy somebody wants put back
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("check_requested_at", Instant),
    Column("checked_at", Instant),
    Column("release_requested_by", Text),
    Column("release_until", Instant),
    Column("released_at", Instant),
    Column("removed_at", Instant),
    Column("last_checkpoint_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

profile_events = Table(
    "profile_events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("profile", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", json_column()),
    Index("ix_profile_events_profile", "profile", "id"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hostname", Text, nullable=False),
    Column("address", Text),
    Column("role", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("heartbeat_at", Instant, nullable=False),
    Column("info", json_column()),
    Column("offers", json_column()),  # what its profiles can do, as of heartbeat_at
    Column("left_at", Instant),  # stopped in good order
)

# -- news for others ---------------------------------------------------------------------------------------------
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),  # the message's own, the same at every attempt
    Column("channel", Text, nullable=False),  # task: a caller's address; webhook, ntfy: the operator's
    Column("state", Text, nullable=False),
    Column("task_id", Text, ForeignKey("tasks.id", ondelete="CASCADE"), index=True),
    Column("key_id", Text),
    Column("url", Text, nullable=False),
    Column("base_url", Text),  # how the caller reaches us: its links begin with it
    Column("event", Text),  # NULL while the task goes on
    Column("data", json_column()),  # what an operator's message says; a task is shown as it stands
    Column("occurred_at", Instant),
    Column("due_at", Instant),  # also the end of the claim of whoever sends it now
    Column("give_up_at", Instant),
    Column("tries", Integer, nullable=False),  # since it was (last) asked for
    Column("attempts", Integer, nullable=False),  # all of them; fences the sender's write
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
)
_pending = text("state = 'pending'")
Index("ix_webhook_deliveries_due", webhook_deliveries.c.due_at, sqlite_where=_pending, postgresql_where=_pending)
_waiting = text("state = 'waiting'")
Index("ix_webhook_deliveries_waiting", webhook_deliveries.c.id, sqlite_where=_waiting, postgresql_where=_waiting)
_occurred = text("occurred_at IS NOT NULL")
Index(
    "ix_webhook_deliveries_newest",
    webhook_deliveries.c.occurred_at.desc(),
    webhook_deliveries.c.id.desc(),
    sqlite_where=_occurred,
    postgresql_where=_occurred,
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", Text, ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("duration_s", Double),
    Column("status", Integer),  # of the answer; NULL when there was none
    Column("error", Text),  # why it does not count as delivered
    Column("answer", Text),  # how the answer's body begins
)

# What operators were told of and is not over: told once, by whichever node is first, also after a restart.
notices = Table(
    "notices",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("event", Text, nullable=False),
    Column("told_at", Instant, nullable=False),
)

# -- usage -------------------------------------------------------------------------------------------------------
# What ended, one row each, until `gateway.usage.fold_sql` has summed it up.
usage_log = Table(
    "usage_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("took_s", Double, nullable=False),
    Column("waited_s", Double, nullable=False),
    Column("made", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("output_s", Double, nullable=False),
)

# The sums by hour and by UTC day (`grain`); `times` counts the successful by bucket of their duration, `codes` the failures.
usage = Table(
    "usage",
    metadata,
    Column("grain", Text, primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("profile", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("dialect", Text, primary_key=True),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("made", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("output_s", Double, nullable=False),
    Column("took_s", Double, nullable=False),
    Column("waited_s", Double, nullable=False),
    Column("times", json_column(), nullable=False),
    Column("codes", json_column(), nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", json_column()),
)
