"""The first tables."""

import sqlalchemy as sa
from alembic import op

from gateway.db.columns import Instant, json_column

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("scopes", json_column(), nullable=True),
        sa.Column("models", json_column(), nullable=True),
        sa.Column("max_queued", sa.Integer(), nullable=True),
        sa.Column("max_running", sa.Integer(), nullable=True),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True),
        sa.Column("weight", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("default_dialect", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("last_used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_keys_secret_hash")),
    )
    op.create_table(
        "assets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("suffix", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("created_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("upstream", json_column(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
    )
    op.create_index(op.f("ix_assets_expires_at"), "assets", ["expires_at"], unique=False)
    op.create_index(
        "ix_assets_newest_of_key", "assets", ["key_id", "kind", sa.literal_column("created_at DESC")], unique=False
    )
    op.create_index(op.f("ix_assets_task_id"), "assets", ["task_id"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", json_column(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "nodes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("heartbeat_at", Instant(), nullable=False),
        sa.Column("info", json_column(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
    )
    op.create_table(
        "picture_fingerprints",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("prompt_hash", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "task_id", name=op.f("pk_picture_fingerprints")),
    )
    op.create_index(op.f("ix_picture_fingerprints_created_at"), "picture_fingerprints", ["created_at"], unique=False)
    op.create_table(
        "profile_events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", json_column(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile_events")),
    )
    op.create_index("ix_profile_events_profile", "profile_events", ["profile", "id"], unique=False)
    op.create_table(
        "profiles",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("proxy", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("clearance", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", Instant(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("account", json_column(), nullable=True),
        sa.Column("cooldowns", json_column(), nullable=True),
        sa.Column("capabilities", json_column(), nullable=True),
        sa.Column("protocol", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("check_requested_at", Instant(), nullable=True),
        sa.Column("checked_at", Instant(), nullable=True),
        sa.Column("release_requested_by", sa.Text(), nullable=True),
        sa.Column("release_until", Instant(), nullable=True),
        sa.Column("released_at", Instant(), nullable=True),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.Column("last_checkpoint_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_profiles")),
    )
    op.create_index(op.f("ix_profiles_node_id"), "profiles", ["node_id"], unique=False)
    op.create_table(
        "queue_shares",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("finish", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key_id", name=op.f("pk_queue_shares")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("requires", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("spec", json_column(), nullable=False),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("cancel_requested_at", Instant(), nullable=True),
        sa.Column("bound", sa.Boolean(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("wait_code", sa.Text(), nullable=True),
        sa.Column("wait_reason", sa.Text(), nullable=True),
        sa.Column("result", json_column(), nullable=True),
        sa.Column("failure", json_column(), nullable=True),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("deadline_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("prune_at", Instant(), nullable=True),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("dialect_data", json_column(), nullable=False),
        sa.Column("trace_parent", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("key_id", "idempotency_key", name=op.f("uq_tasks_key_id_idempotency_key")),
    )
    op.create_index(
        "ix_tasks_begun",
        "tasks",
        ["kind", sa.literal_column("priority DESC"), "run_at"],
        unique=False,
        sqlite_where=sa.text("state = 'queued' AND bound"),
        postgresql_where=sa.text("state = 'queued' AND bound"),
    )
    op.create_index(
        "ix_tasks_deadline",
        "tasks",
        ["deadline_at"],
        unique=False,
        sqlite_where=sa.text("state = 'queued' AND deadline_at IS NOT NULL"),
        postgresql_where=sa.text("state = 'queued' AND deadline_at IS NOT NULL"),
    )
    op.create_index(
        "ix_tasks_finished",
        "tasks",
        ["finished_at"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index(
        "ix_tasks_lease",
        "tasks",
        ["lease_until", "key_id"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_tasks_newest",
        "tasks",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_tasks_newest_in_state",
        "tasks",
        ["state", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_tasks_newest_of_key",
        "tasks",
        ["key_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_tasks_newest_of_key_in_state",
        "tasks",
        ["key_id", "state", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_tasks_newest_of_profile",
        "tasks",
        ["profile", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_tasks_prune",
        "tasks",
        ["prune_at"],
        unique=False,
        sqlite_where=sa.text("prune_at IS NOT NULL"),
        postgresql_where=sa.text("prune_at IS NOT NULL"),
    )
    op.create_index(
        "ix_tasks_queue",
        "tasks",
        [
            "kind",
            "key_id",
            sa.literal_column("priority DESC"),
            "created_at",
            "id",
            "run_at",
            "bound",
            "account_id",
            "profile",
            "requires",
            "state",
        ],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_tasks_run_at",
        "tasks",
        ["run_at", "kind", "state"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued' AND run_at IS NOT NULL"),
    )
    op.create_table(
        "task_attempts",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("failure", json_column(), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_attempts_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "number", name=op.f("pk_task_attempts")),
    )
    op.create_table(
        "task_events",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", json_column(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_events_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "seq", name=op.f("pk_task_events")),
    )
    op.create_table(
        "task_site_ids",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_site_ids_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "site_id", name=op.f("pk_task_site_ids")),
    )
    op.create_index(op.f("ix_task_site_ids_site_id"), "task_site_ids", ["site_id"], unique=False)
    op.create_table(
        "task_steps",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("intent", json_column(), nullable=False),
        sa.Column("external", json_column(), nullable=False),
        sa.Column("output", json_column(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_steps_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "name", name=op.f("pk_task_steps")),
    )


def downgrade() -> None:
    op.drop_table("task_steps")
    op.drop_table("task_site_ids")
    op.drop_table("task_events")
    op.drop_table("task_attempts")
    op.drop_table("tasks")
    op.drop_table("queue_shares")
    op.drop_table("profiles")
    op.drop_table("profile_events")
    op.drop_table("picture_fingerprints")
    op.drop_table("nodes")
    op.drop_table("meta")
    op.drop_table("assets")
    op.drop_table("api_keys")
