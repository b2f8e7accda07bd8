"""The database: engine, transactions and migrations. A clause keeps its own tables in its own package.

Room: store. ``engine`` (Store), ``migrate`` and ``migrations/`` (alembic), ``types`` (shared metadata).
"""

from cactuprivacy.store.engine import Store as Store
from cactuprivacy.store.engine import StoreNotReadyError as StoreNotReadyError
from cactuprivacy.store.types import Moment as Moment
from cactuprivacy.store.types import metadata as metadata
from cactuprivacy.store.types import now as now
