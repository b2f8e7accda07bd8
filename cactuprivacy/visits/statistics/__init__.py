"""What the visits are for: statistics, each with a definition in words.

Room: visits, statistics. Reads the ``visit`` table only; one expression for SQLite and PostgreSQL.
"""

from cactuprivacy.visits.statistics.summary import Statistics as Statistics
from cactuprivacy.visits.statistics.summary import Summary as Summary
