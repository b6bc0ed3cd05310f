"""Alembic's entry: it gets its connection from `store/schema.py` and never reads a configuration file."""

from alembic import context

from calsync.store import tables

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=tables.metadata,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
