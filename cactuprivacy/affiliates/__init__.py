"""Clause 3, affiliates: the sale is credited, the visitor stays nobody.

Room: affiliates, one of the clauses; knows no other clause. ``declaration`` and ``terms`` (what is declared),
``program`` and ``books`` (what a host calls), ``links`` and ``verdict`` (what was followed, and by whom), ``claim``
(the cookie's value), ``visitor`` (what a request may be credited to), ``attribution`` (the middleware), ``clicks``,
``coupons``, ``roster`` (who is an affiliate), ``ledger`` with ``crediting``, ``refunds``, ``holds``, ``conflicts``,
``orders`` and ``chain``, ``reason``, ``shares`` and ``money`` (what they earned), ``statement``, ``payouts``,
``explain`` and ``reconcile`` (what is read out of it), ``signals`` and ``webhooks`` (who is told), ``sums``,
``figures`` and ``spreadsheet`` (what is shown of it), ``portal`` (the people), ``tables``.
"""

from cactuprivacy.affiliates.attribution import AffiliateAttribution as AffiliateAttribution
from cactuprivacy.affiliates.clicks import Clicks as Clicks
from cactuprivacy.affiliates.declaration import Affiliates as Affiliates
from cactuprivacy.affiliates.explain import ExplainedTouch as ExplainedTouch
from cactuprivacy.affiliates.explain import Explanation as Explanation
from cactuprivacy.affiliates.figures import AffiliateFigures as AffiliateFigures
from cactuprivacy.affiliates.orders import Credit as Credit
from cactuprivacy.affiliates.payouts import Payout as Payout
from cactuprivacy.affiliates.portal import AffiliatePortal as AffiliatePortal
from cactuprivacy.affiliates.portal import Application as Application
from cactuprivacy.affiliates.program import AffiliateProgram as AffiliateProgram
from cactuprivacy.affiliates.reconcile import Reconciliation as Reconciliation
from cactuprivacy.affiliates.refunds import Reversal as Reversal
from cactuprivacy.affiliates.roster import AffiliateError as AffiliateError
from cactuprivacy.affiliates.signals import payout_made as payout_made
from cactuprivacy.affiliates.signals import payout_voided as payout_voided
from cactuprivacy.affiliates.signals import sale_credited as sale_credited
from cactuprivacy.affiliates.signals import sale_reversed as sale_reversed
from cactuprivacy.affiliates.statement import Balance as Balance
from cactuprivacy.affiliates.statement import Entry as Entry
from cactuprivacy.affiliates.statement import Month as Month
from cactuprivacy.affiliates.statement import Statement as Statement
from cactuprivacy.affiliates.sums import Earnings as Earnings
from cactuprivacy.affiliates.terms import Terms as Terms
from cactuprivacy.affiliates.webhooks import Webhook as Webhook
from cactuprivacy.affiliates.webhooks import WebhookRefusedError as WebhookRefusedError
