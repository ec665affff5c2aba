"""Alembic's way in. The program runs migrations itself at start (`gateway.db.migrate`) through a connection it hands over.

To write a new one: see ``gateway/db/README``-free rule in `gateway.db.migrate`: change `tables.py`, add the next number
under ``versions/``, name it in `REVISIONS`; ``tests/conformance/test_migrations.py`` compares both.
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
