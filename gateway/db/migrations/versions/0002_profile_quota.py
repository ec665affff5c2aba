"""What the site says is left of each profile's quotas."""

import sqlalchemy as sa
from alembic import op

from gateway.db.columns import json_column

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("profiles", sa.Column("quota", json_column(), nullable=True))


def downgrade() -> None:
    op.drop_column("profiles", "quota")
