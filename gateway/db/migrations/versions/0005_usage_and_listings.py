"""What was made for whom; listings by API and model; which task repeats which; what a picture was asked for with."""

import sqlalchemy as sa
from alembic import op

from gateway.db.columns import Instant, json_column

revision = "0005"
down_revision = "0004"

_SHOWN = sa.text("deleted_at IS NULL")
_REPEATS = sa.text("retry_of IS NOT NULL")
_NEWEST: tuple[sa.ColumnClause[object], ...] = (sa.literal_column("created_at DESC"), sa.literal_column("id DESC"))


def upgrade() -> None:
    op.create_table(
        "usage_log",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "key_id", "profile", "model", "dialect")),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("took_s", sa.Double(), nullable=False),
        sa.Column("waited_s", sa.Double(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("output_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_log")),
    )
    apart = ("grain", "at", "kind", "key_id", "profile", "model", "dialect")
    op.create_table(
        "usage",
        *(sa.Column(name, Instant() if name == "at" else sa.Text(), nullable=False) for name in apart),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("succeeded", "failed", "cancelled", "made")),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("output_s", "took_s", "waited_s")),
        *(sa.Column(name, json_column(), nullable=False) for name in ("times", "codes")),
        sa.PrimaryKeyConstraint(*apart, name=op.f("pk_usage")),
    )
    op.add_column("tasks", sa.Column("retry_of", sa.Text(), nullable=True))
    op.create_index("ix_tasks_retry_of", "tasks", ["retry_of"], sqlite_where=_REPEATS, postgresql_where=_REPEATS)
    for side in ("dialect", "model"):
        op.create_index(
            f"ix_tasks_newest_of_{side}", "tasks", [side, *_NEWEST], sqlite_where=_SHOWN, postgresql_where=_SHOWN
        )
    op.add_column("assets", sa.Column("prompt", sa.Text(), nullable=True))
    op.create_index("ix_assets_newest", "assets", ["kind", *_NEWEST])


def downgrade() -> None:
    op.drop_index("ix_assets_newest", table_name="assets")
    op.drop_column("assets", "prompt")
    for index in ("ix_tasks_newest_of_model", "ix_tasks_newest_of_dialect", "ix_tasks_retry_of"):
        op.drop_index(index, table_name="tasks")
    op.drop_column("tasks", "retry_of")
    op.drop_table("usage")
    op.drop_table("usage_log")
