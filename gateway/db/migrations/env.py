"""Alembic's way in. The program runs migrations itself at start (`gateway.db.migrate`) through a connection it hands over.

A new one: change `tables.py`, add the next number under ``versions/``, name it in `gateway.db.migrate.REVISIONS`;
``tests/conformance/test_migrations.py`` compares both. What a released version has run is not changed any more.
"""

from alembic import context

from gateway.db.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
