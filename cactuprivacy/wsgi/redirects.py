"""Where a redirect of ours may lead: a path on this very site, and nowhere else.

Room: wsgi. Whoever lets a stranger name the next page asks here first.
"""

from __future__ import annotations

import re

# RFC 3986, 3.3 to 3.5, in the characters that browsers read in one way only: no control, no blank, no
# backslash (which they take for a slash), nothing that is not ASCII. No empty segment in the path: "//" names
# a host where it comes first, and dropping dot segments ("/.//evil.example") can bring it there.
_PATH = re.compile(r"/(?:[!\"$-.0->@-\[\]-~]+/)*[!\"$-.0->@-\[\]-~]*(?:[?#][!-\[\]-~]*)?")

_MAX_LENGTH = 2048  # characters; longer ones are nobody's way back


def same_site_path(text: str | None, default: str = "/") -> str:
    """Return *text* when it is a path (with query and fragment) on this site, else *default*.

    Refused are ``//evil.example``, ``/\\evil.example``, schemes, controls and whatever else a browser, or a
    library on the way to it, could take for another host.

    Parameters:
        text: What a stranger said, not decoded any further.
        default: What to take in its place; not checked.
    """
    return text if text and len(text) <= _MAX_LENGTH and _PATH.fullmatch(text) else default
