"""The visitor's choices: the receipt cookie, Global Privacy Control, objections.

Room: consent, below every clause. ``choices`` (what was chosen, and the cookie), ``pages`` (where one chooses).
"""

from cactuprivacy.consent.choices import Choices as Choices
from cactuprivacy.consent.choices import Consent as Consent
from cactuprivacy.consent.choices import Purpose as Purpose
