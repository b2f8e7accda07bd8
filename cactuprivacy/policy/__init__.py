"""The statement: the policy as a document, a page and JSON; a pure function of the declaration.

Room: policy, above the clauses. ``document`` (what is stated), ``page`` (where it is read).
"""

from cactuprivacy.policy.document import Policy as Policy
from cactuprivacy.policy.document import state as state
