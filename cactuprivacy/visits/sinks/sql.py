"""SqlSink: visits into the site's database, from where the statistics read them.

Room: visits, sinks. Works on SQLite and PostgreSQL; a visit that comes twice is stored once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from cactuprivacy.store import Store
from cactuprivacy.visits.tables import visit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cactuprivacy.visits.record import Visit


class SqlSink:
    """Inserts visits into a database, a batch a transaction.

    Parameters:
        store: A :class:`~cactuprivacy.Store` or a database URL.
    """

    def __init__(self, store: Store | str) -> None:
        self.store = Store.of(store)
        insert: Any = (sqlite if self.store.is_sqlite else postgresql).insert
        self._insert = insert(visit).on_conflict_do_nothing(index_elements=["id"])

    def write(self, batch: Sequence[Visit]) -> None:
        """Insert *batch*, all or none; what is there already stays as it is."""
        with self.store.write() as connection:
            connection.execute(self._insert, [msgspec.structs.asdict(record) for record in batch])

    def purge(self, before: datetime) -> int:
        """Delete visits older than *before*."""
        with self.store.write() as connection:
            return connection.execute(
                delete(visit).where(visit.c.at < int(before.timestamp() * 1000))
            ).rowcount

    def close(self) -> None:
        """The store belongs to whoever made it."""
