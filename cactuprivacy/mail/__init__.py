"""Mail: what a message is, how it gets to a server, and the outbox that loses and doubles none.

Room: mail, below the mailing lists and above consent and store. ``message`` (bytes), ``letters`` (wording and
headers), ``addresses``, ``tokens``, ``transport`` (SMTP), ``outbox`` (the queue), ``courier`` (the thread),
``tables``. Knows no list and no affiliate.
"""

from cactuprivacy.mail.courier import Courier as Courier
from cactuprivacy.mail.outbox import Counts as Counts
from cactuprivacy.mail.outbox import Outbox as Outbox
from cactuprivacy.mail.transport import Transport as Transport
