"""Verdict: what was decided about one cookie, by which rule, and the sentence that explains the rule.

Room: cookies. A verdict holds a rule, a name and a direction, never a value; only here is a name made fit
to be written down. Section numbers in the sentences are draft-ietf-httpbis-rfc6265bis, if nothing else is said.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Direction = Literal["in", "out"]

_MAX_NAME = 64  # characters of a stranger's name that we write down
_CLEAN = bytes(code if 0x20 <= code < 0x7F else ord("?") for code in range(256))

#: Why each rule refuses, and what to do about it.
REASONS = {
    "O1": "Set-Cookie2, and what hides a Set-Cookie (a header's name, the part of an answer, a body after a 1xx "
    "status), leave by no exit (PEP 3333)",
    "O3": "a control character stands in the line; browsers ignore such a cookie (5.6)",
    "O4": "it has no name, or one that is no token (4.1.1)",
    "O5": "its value holds what a cookie's cannot: blank, comma, quote, backslash, non-ASCII; encode it (4.1.1)",
    "O6": "it is too long: 4096 octets for name and value, 1024 for an attribute (5.6)",
    "O7": "an attribute stands twice (4.1.1)",
    "O8": "the response sets this cookie again further down; only the last one leaves (4.1.1)",
    "O9": "its Domain is not ours alone: foreign, a public suffix, or none at all (5.7)",
    "O13": "SameSite=None makes it a third-party cookie; drop it (5.6.7)",
    "O14": "Partitioned makes it a cookie for other people's pages; drop it (CHIPS)",
    "O15": "it does not keep what its prefix promises, or spells the prefix in its own way (4.1.3)",
    "O16": "its Max-Age or Expires cannot be read, so browsers would keep it otherwise than meant (5.6)",
    "O18": "it is not declared; declare it with Cookie(name, purpose=…), or stop setting it",
    "O19": "it would be set inside another site's page, where our own cookie is a third party's (5.7)",
    "O21": "it is not declared, and what forgets a cookie carries no value",
    "D1": "it is no header name, so another header could hide in it",
    "D2": "browsers would load, or connect to, a host that was not let in; allow_hosts= lets one in",
    "D3": "it sends visitors on to a host that was not let in to navigate to; allow_hosts= lets one in",
    "D4": "it has visitors' browsers report to a host that was not let in to; allow_hosts= lets one in",
    "D5": "its source map lies on a host that was not let in; allow_hosts= lets one in",
    "D6": "its speculation rules lie on a host that was not let in; allow_hosts= lets one in",
    "D7": "it moves the connection to a host that was not let in; allow_hosts= lets one in",
    "D8": "it signs visitors up for what browsers offer to advertising networks; do not send it",
    "D9": "it redirects to a host that was not let in to navigate to; allow_hosts= lets one in",
    "D10": "it lets a stranger's page read ours with the visitor's cookies; allow_hosts= lets an embedder in",
    "D11": "it tells strangers the address of every page that a visitor leaves; say same-origin",
    "H1": "it has browsers connect to, or fetch ahead from, a host that was not let in; allow_hosts= lets one in",
    "H2": "it sends visitors on to a host that was not let in to navigate to; allow_hosts= lets one in",
    "H3": "its speculation rules reach beyond the hosts that were let in; allow_hosts= lets one in",
    "H4": "it tells a host that was not let in to connect to of each click; allow_hosts= lets one in",
    "H5": "it shows a frame from a host that was not let in to frame; allow_hosts= lets one in",
    "H6": "it sends a form to a host that was not let in to form; allow_hosts= lets one in",
    "H7": "it opens a window of a host that was not let in to navigate to; allow_hosts= lets one in",
    "H8": "it signs the page up for a trial of what browsers offer to third parties; do not send it",
    "H9": "it is written in a way that hides what is in it; send UTF-8, plain or as gzip",
    "H10": "its tag is too long to be looked at; shorten it",
    "I1": "a comma stands in it, which is none of ours (4.1.1)",
    "I2": "its name is no token; other parsers trim and decode what browsers do not (5.6)",
    "I3": "it looks like a declared or prefixed cookie, but is spelled in another case (5.4)",
    "I4": "its value is one that parsers disagree about (5.8.3)",
    "I5": "it has no name, or that of an attribute, as in RFC 2965 ($Version)",
    "I6": "it comes twice with different values, so one is somebody else's (4.2.2)",
    "I7": "its prefix promises https, and this site has none (5.7)",
    "I8": "it comes from inside another site's page (5.8.3)",
    "I9": "it is not declared, so the app does not see it",
    "I10": "there is more of it than any browser sends",
    "I11": "it is a signal of advertising networks, not of the visitor",
}


def shown(name: str) -> str:
    """Return *name* cut and cleaned, so that it can neither fill nor forge a line of a log."""
    return name[:_MAX_NAME].encode("ascii", "replace").translate(_CLEAN).decode()


class Verdict(NamedTuple):
    """What was decided about one cookie.

    Attributes:
        direction: ``"out"`` for a ``Set-Cookie``, ``"in"`` for what a request brings.
        name: The cookie's name, cut and cleaned; for I11 and D1 to D11 the header's, for H1 to H10
            the element and attribute.
        rule: The rule that refuses it, ``None`` when it passes.
        line: What is sent in its place; ``None`` when nothing is.
        mended: The rules by which the line was hardened.
        passes: Whether it is let pass all the same, and only told of.
        times: How many it stands for: of what a stranger sends, only the first few are told by name.
    """

    direction: Direction
    name: str
    rule: str | None = None
    line: str | None = None
    mended: tuple[str, ...] = ()
    passes: bool = False
    times: int = 1

    @property
    def reason(self) -> str:
        """Why it was refused, in a sentence; empty when it was not."""
        return REASONS[self.rule] if self.rule else ""

    @property
    def kind(self) -> str:
        """What was judged: a ``cookie``, by the rules D1 to D11 a ``header``, by H1 to H10 a place on a ``page``."""
        return {"D": "header", "H": "page"}.get((self.rule or "")[:1], "cookie")

    @property
    def sentence(self) -> str:
        """Rule, name, direction and reason of a refusal, for a reader; never a value."""
        return f"{self.rule}: {self.kind} {self.name!r}, {self.direction}: {self.reason}."
