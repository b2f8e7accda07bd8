"""Strictly confirmed opt-in: nobody gets a mail who did not click.

Room: optin, a clause of its own; it stands on mail and store and knows no other clause. ``lists`` (the
declaration), ``running`` (OptIn, which puts it together), ``endpoints`` and ``forms`` (the pages), ``subscription``
(the states), ``tokens``, ``addresses``, ``address_book``, ``evidence``, ``limits``, ``campaigns``, ``person`` (find,
export, erase), ``author`` (what each mail says), ``tables``.
"""

from cactuprivacy.optin.campaigns import Campaign as Campaign
from cactuprivacy.optin.lists import MailingList as MailingList
from cactuprivacy.optin.running import OptIn as OptIn
