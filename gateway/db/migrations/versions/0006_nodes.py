"""What the profiles of each node can do, and nodes that stopped in good order."""

import sqlalchemy as sa
from alembic import op

from gateway.db.columns import Instant, json_column

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("nodes", sa.Column("offers", json_column(), nullable=True))
    op.add_column("nodes", sa.Column("left_at", Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("nodes", "left_at")
    op.drop_column("nodes", "offers")
