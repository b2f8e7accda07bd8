"""The cookies that the tests of the outgoing rules declare, and how they ask."""

from __future__ import annotations

from cactuprivacy import Cookie

HOUR = 3600
NOW = 1_900_000_000  # Fri, 17 Mar 2030 17:46:40 GMT
COOKIES = [
    Cookie("session", purpose="keeps your basket"),
    Cookie("basket", purpose="remembers your basket", max_age=HOUR),
    Cookie("shared", purpose="is shared with the blog", domain="shop.example", max_age=HOUR),
    Cookie("theme", purpose="remembers your colours", http_only=False, path="/look", same_site="Strict"),
    Cookie("__Host-sid", purpose="keeps you logged in"),
    Cookie("__Http-sid", purpose="keeps you logged in"),
]
TAIL = "; Path=/; Secure; HttpOnly; SameSite=Lax"


def line(rules, text):
    return rules.judge(text, now=NOW).line


def rule(rules, text, **context):
    verdict = rules.judge(text, now=NOW, **context)
    assert (verdict.rule is None) == (verdict.line is not None)
    return verdict.rule
