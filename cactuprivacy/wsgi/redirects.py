"""Where a redirect of ours may lead: a path on this very site, and nowhere else.

Room: wsgi. Whoever lets a stranger name the next page asks here first.
"""

from __future__ import annotations

import re

# RFC 3986, 3.3 and 3.4, in the characters that browsers read in one way only: no control, no blank, no
# backslash (which they take for a slash), nothing that is not ASCII.
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def same_site_path(text: str | None, default: str = "/") -> str:
    """Return *text* when it is a path (with query) on this site, else *default*.

    Refused are ``//evil.example``, ``/\\evil.example``, schemes, controls and whatever else a browser could
    take for another host.
    """
    return text if text and len(text) <= 2048 and _PATH.fullmatch(text) else default
