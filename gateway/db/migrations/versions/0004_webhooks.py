"""Deliveries of webhooks and notifications, what operators were told, secrets that were replaced, keys of tasks gone."""

import sqlalchemy as sa
from alembic import op

from gateway.db.columns import Instant, json_column

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("webhook_secret_number", sa.Integer(), nullable=True))
    op.add_column("api_keys", sa.Column("webhook_secret_at", Instant(), nullable=True))
    op.create_table(
        "used_idempotency_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name=op.f("pk_used_idempotency_keys")),
    )
    op.create_index(op.f("ix_used_idempotency_keys_created_at"), "used_idempotency_keys", ["created_at"])
    op.create_table(
        "notices",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("told_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_notices")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("data", json_column(), nullable=True),
        sa.Column("occurred_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("give_up_at", Instant(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_webhook_deliveries_task_id_tasks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(op.f("ix_webhook_deliveries_task_id"), "webhook_deliveries", ["task_id"])
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_webhook_deliveries_due", "webhook_deliveries", ["due_at"], sqlite_where=pending, postgresql_where=pending
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_webhook_deliveries_waiting", "webhook_deliveries", ["id"], sqlite_where=waiting, postgresql_where=waiting
    )
    occurred = sa.text("occurred_at IS NOT NULL")
    op.create_index(
        "ix_webhook_deliveries_newest",
        "webhook_deliveries",
        [sa.text("occurred_at DESC"), sa.text("id DESC")],
        sqlite_where=occurred,
        postgresql_where=occurred,
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["webhook_deliveries.id"],
            name=op.f("fk_webhook_attempts_delivery_id_webhook_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_webhook_attempts")),
    )


def downgrade() -> None:
    for name in ("webhook_attempts", "webhook_deliveries", "notices", "used_idempotency_keys"):
        op.drop_table(name)
    op.drop_column("api_keys", "webhook_secret_at")
    op.drop_column("api_keys", "webhook_secret_number")
