"""The policy as a document: what the running declaration amounts to, in a fixed order, with its hash.

Room: policy. A pure function: the same declaration gives the same bytes and so the same hash, and nothing
here looks at a clock, a file or a request. What is not declared cannot be stated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from cactuprivacy.cookies.hosts import PURPOSES, declared_hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cactuprivacy.affiliates import Affiliates
    from cactuprivacy.cookie import Cookie
    from cactuprivacy.cookies.hosts import AllowHosts, LetIn
    from cactuprivacy.optin import MailingList
    from cactuprivacy.site import Site
    from cactuprivacy.visits import VisitLog

SCHEMA = 1

# The promises in plain words, in the order of the policy that this library carries out.
CLAUSES = (
    (
        "We do not sell, share or otherwise transfer to third parties any customer or user details, and we protect "
        "them to the best of our ability. The only exceptions are formal requests of recognised UK law enforcement "
        "agencies, and the details needed to stop ongoing network abuse or crime."
    ),
    (
        "Our mailing list is strictly confirmed opt-in: you are on it only if you signed up yourself and then clicked "
        "the link that we mailed to you. It is for occasional news of our own, and every mail says how to leave."
    ),
    (
        "We set cookies of our own only: to make the site work, and to credit a partner with a sale if you came by "
        "their link. They are not linked to details about you. No third-party cookie is placed or read."
    ),
    "We record visits (address, referring page and such) for statistics.",
)


@dataclass(frozen=True)
class Policy:
    """The policy of a site.

    Attributes:
        document: The whole of it, in plain types.
    """

    document: dict[str, Any]

    def json(self) -> bytes:
        """Return the canonical JSON: UTF-8, sorted keys, no blanks."""
        return msgspec.json.encode(self.document, order="sorted")

    @property
    def hash(self) -> str:
        """The SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.json()).hexdigest()


def state(
    *,
    site: Site,
    operator: str,
    contact: str,
    cookies: Iterable[Cookie] = (),
    allow_hosts: AllowHosts | LetIn | None = None,
    exempt: Sequence[str] | Callable[..., bool] = (),
    enforced: bool = True,
    affiliates: Affiliates | None = None,
    visits: VisitLog | None = None,
    mailing_lists: Iterable[MailingList] = (),
    stores: Iterable[str] = (),
) -> Policy:
    """Return the policy that the given declarations amount to.

    Parameters:
        site: The site that makes the promises.
        operator: Who answers for it, and *contact* how they are reached.
        cookies: Every cookie that may leave the site, those of the middlewares too.
        allow_hosts: The other hosts that pages may deal with, as the guard has them.
        exempt: The paths below which other hosts are not kept out, or the function that tells.
        enforced: Whether what is not declared is stopped, and not merely recorded.
        affiliates: The affiliate programme, if there is one.
        visits: The visit log, if there is one.
        mailing_lists: The mailing lists.
        stores: The names of the stores that keep something about people.
    """
    let_in = declared_hosts(allow_hosts or {})
    return Policy(
        {
            "schema": SCHEMA,
            "site": site.origin,
            "operator": operator,
            "contact": contact,
            "clauses": list(CLAUSES),
            "cookies": [
                {
                    "name": cookie.name,
                    "purpose": cookie.purpose,
                    "max_age_seconds": cookie.max_age,
                    "same_site": cookie.same_site,
                    "http_only": cookie.http_only,
                    "needs_consent": cookie.needs_consent,
                }
                for cookie in sorted(cookies, key=lambda cookie: cookie.name)
            ],
            "allow_hosts": [
                {"purpose": purpose, "wording": PURPOSES[purpose], "hosts": list(hosts), "below": path}
                for path, by_purpose in [("", let_in.everywhere), *let_in.below.items()]
                for purpose, hosts in by_purpose.items()
            ],
            "exempt": "by request" if callable(exempt) else sorted(exempt),
            "enforced": enforced,
            "affiliates": affiliates
            and {
                "parameter": affiliates.parameters[0],
                "model": affiliates.model,
                "campaigns": list(affiliates.campaigns),
                "window_days": affiliates.window_days,
                "basis": affiliates.basis,
            },
            "visits": visits
            and {"level": visits.level, "keep_days": visits.keep_days, "reason": visits.reason},
            "mailing_lists": [
                {"slug": mailing.slug, "title": mailing.title, "sender": mailing.sender}
                for mailing in mailing_lists
            ],
            "stores": sorted(stores),
        }
    )
