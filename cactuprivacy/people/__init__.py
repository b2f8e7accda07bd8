"""Clause 1: people's details are theirs. Who asks finds, gets and erases what is kept about them.

Room: people, one of the clauses; knows no other clause. A store of personal data, ours or the host's,
registers itself here; nothing is reached any other way.
"""

from cactuprivacy.people.rights import Erasure as Erasure
from cactuprivacy.people.rights import People as People
from cactuprivacy.people.rights import PersonalStore as PersonalStore
