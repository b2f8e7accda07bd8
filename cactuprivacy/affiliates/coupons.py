"""Coupons: codes that a customer types at the order, so that the affiliate is credited and no device holds a thing.

Room: affiliates. May import store. A coupon's code stands beside the links' codes, so that each leads to one affiliate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from cactuprivacy.affiliates import tables
from cactuprivacy.affiliates.claim import affiliate_code
from cactuprivacy.affiliates.roster import AffiliateError

if TYPE_CHECKING:
    from cactuprivacy.affiliates.roster import Roster
    from cactuprivacy.store import Store


def add_coupon(store: Store, roster: Roster, code: str, coupon: str) -> str:
    """Make *coupon* a code of the affiliate behind *code*, and return it in lower case.

    Raises:
        AffiliateError: when there is no such affiliate, and when the coupon's code is taken or is none.
    """
    text = typed_code(coupon)
    if text is None:
        raise AffiliateError("A coupon's code is 1 to 64 letters, digits, - and _; this one is not.")
    try:
        with store.write() as connection:
            affiliate = roster.known(connection, code)
            connection.execute(
                insert(tables.affiliate_code).values(code=text, affiliate_id=affiliate.id, kind="coupon")
            )
    except IntegrityError as error:
        raise AffiliateError(f"{text} is an affiliate's code already; choose another.") from error
    return text


def typed_code(text: object) -> str | None:
    """Return what a customer typed as a code in lower case, blanks around it dropped, or ``None``."""
    return affiliate_code(text.strip()) if isinstance(text, str) and len(text) < 200 else None
