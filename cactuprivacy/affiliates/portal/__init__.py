"""The portal: the pages on which people apply to be affiliates and see their figures, and the mails to them.

Room: affiliates, portal. May import mail, store, wsgi and the rest of affiliates. ``running`` (put together), ``pages``
(the WSGI app), ``contacts`` (who), ``access`` (mailed links), ``limits``, ``notices`` (mails), ``chart``, ``tables``.
"""

from cactuprivacy.affiliates.portal.contacts import Application as Application
from cactuprivacy.affiliates.portal.running import AffiliatePortal as AffiliatePortal
