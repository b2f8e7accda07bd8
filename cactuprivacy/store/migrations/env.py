"""How alembic runs our revisions: on the connection, and in the transaction, that it is handed.

Room: store. Only ``cactuprivacy.store.migrate`` runs this.
"""

from alembic import context

from cactuprivacy.store.migrate import VERSION_TABLE
from cactuprivacy.store.types import metadata

connection = context.config.attributes["connection"]
# On SQLite too a revision is all or nothing: alembic would not think so by itself.
context.configure(
    connection=connection,
    target_metadata=metadata,  # for its naming convention alone
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
