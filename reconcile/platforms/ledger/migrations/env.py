"""What Alembic runs: the migrations, in the transaction of the connection it is given."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes.get("version_table", "reconcile_ledger_revision"),
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
