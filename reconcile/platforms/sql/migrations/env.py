"""What Alembic runs: the migrations on the connection it is given, inside that connection's transaction."""

from alembic import context

from reconcile.platforms.sql.tables.revision import TABLE

context.configure(
    connection=context.config.attributes["connection"], version_table=TABLE, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
