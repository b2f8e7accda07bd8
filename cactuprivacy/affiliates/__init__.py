"""Clause 3, affiliates: the sale is credited, the visitor stays nobody.

Room: affiliates, one of the clauses; knows no other clause. ``declaration`` (what is declared), ``program`` (what
a host calls), ``links`` and ``verdict`` (what was followed, and by whom), ``claim`` (the cookie's value), ``visitor``
(what a request may be credited to), ``attribution`` (the middleware), ``clicks``, ``coupons``, ``roster`` (who is
an affiliate), ``ledger`` and ``money`` (what they earned), ``tables``.
"""

from cactuprivacy.affiliates.attribution import AffiliateAttribution as AffiliateAttribution
from cactuprivacy.affiliates.clicks import Clicks as Clicks
from cactuprivacy.affiliates.declaration import Affiliates as Affiliates
from cactuprivacy.affiliates.ledger import Credit as Credit
from cactuprivacy.affiliates.ledger import Entry as Entry
from cactuprivacy.affiliates.ledger import Statement as Statement
from cactuprivacy.affiliates.program import AffiliateProgram as AffiliateProgram
from cactuprivacy.affiliates.roster import AffiliateError as AffiliateError
