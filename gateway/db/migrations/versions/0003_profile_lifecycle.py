"""What a profile's card shows beside its state: health, way out, copies of its sign-in; and the request to restore one."""

import sqlalchemy as sa
from alembic import op

from gateway.db.columns import json_column

revision = "0003"
down_revision = "0002"

JSON_COLUMNS = ("health", "egress", "checkpoints", "live")


def upgrade() -> None:
    for name in JSON_COLUMNS:
        op.add_column("profiles", sa.Column(name, json_column(), nullable=True))
    op.add_column("profiles", sa.Column("restore_generation", sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in ("restore_generation", *JSON_COLUMNS):
        op.drop_column("profiles", name)
