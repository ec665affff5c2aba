"""Image requests under an Idempotency-Key."""

import sqlalchemy as sa
from alembic import op

from gateway.db.columns import Instant, json_column

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "kept_calls",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("result", json_column(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name=op.f("pk_kept_calls")),
    )
    op.create_index(op.f("ix_kept_calls_created_at"), "kept_calls", ["created_at"])


def downgrade() -> None:
    op.drop_table("kept_calls")
