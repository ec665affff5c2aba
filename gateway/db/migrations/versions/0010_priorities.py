"""The class that an API key's tasks are served in."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("priority", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "priority")
