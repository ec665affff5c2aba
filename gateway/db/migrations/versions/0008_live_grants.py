"""Links that let somebody look at one profile, or work with it, for a while."""

import sqlalchemy as sa
from alembic import op

from gateway.db.columns import Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "live_grants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("cookie_hash", sa.Text(), nullable=True),
        sa.Column("cookie_expires_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_live_grants"),
        sa.UniqueConstraint("secret_hash", name="uq_live_grants_secret_hash"),
        sa.UniqueConstraint("cookie_hash", name="uq_live_grants_cookie_hash"),
    )


def downgrade() -> None:
    op.drop_table("live_grants")
