"""Strictly confirmed opt-in: nobody gets a mail who did not click.

Room: optin, a clause of its own; it stands on mail and store and knows no other clause. ``lists`` (the
declaration), ``endpoints`` (the pages), ``subscription`` (the states), ``tokens``, ``addresses``, ``evidence``,
``limits``, ``campaigns``, ``person`` (find, export, erase), ``author`` (what each mail says), ``tables``.
"""

from cactuprivacy.optin.campaigns import Campaign as Campaign
from cactuprivacy.optin.endpoints import OptIn as OptIn
from cactuprivacy.optin.lists import MailingList as MailingList
