"""What leads from a page to strangers past its policy, byte by byte (H1 to H10)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from cactuprivacy import Site
from cactuprivacy.cookies.hosts import Hosts, declared_hosts
from cactuprivacy.cookies.page import MAX_HELD, PageFilter
from cactuprivacy.cookies.tags import HINTS
from cactuprivacy.cookies.verdict import REASONS

SITE = Site("https://shop.example")
EVIL = b"https://evil.example/x"


def through(page, *, step=None, kind="html", **allow_hosts):
    """Return what is left of *page*, fed in pieces of *step* bytes, and the rules that refused."""
    found = []
    filtering = PageFilter(
        Hosts(SITE, declared_hosts(allow_hosts).everywhere).strange, found.extend, kind=kind
    )
    step = step or max(1, len(page))
    sent = [filtering.feed(page[at : at + step]) for at in range(0, len(page), step)]
    return b"".join([*sent, filtering.end()]), [verdict.rule for verdict in found]


# One rule each: what is refused, and what its letter becomes

REFUSED = [
    ("H1", b'<link rel="preconnect" href="%s">', b"xref"),
    ("H1", b"<LINK HREF=%s REL=DNS-Prefetch>", b"xREF"),
    ("H1", b"<link rel='icon prefetch' href='%s'/>", b"xref"),
    ("H1", b'<link rel="prerender" href="%s">', b"xref"),
    ("H1", b'<link rel="pre&#99;onnect" href="%s">', b"xref"),
    ("H1", b"<link rel=&#x70;reconnect href=%s>", b"xref"),
    ("H1", b'<link/rel="preconnect"/href="%s">', b"xref"),
    ("H1", b'<link\nrel\t=\f"preconnect"\rhref\n=\n"%s"\n>', b"xref"),
    ("H1", b'<link title=">" rel="preconnect" href="%s">', b"xref"),
    ("H1", b'<link a" rel="preconnect" href="%s" b">', b"xref"),
    ("H1", b'<!-- <link title=" --><link rel="preconnect" href="%s">', b"xref"),
    ("H1", b"<script>document.write('<link rel=preconnect href=%s>')</script>", b"xref"),
    ("H2", b'<meta http-equiv="refresh" content="0;url=%s">', b"xontent"),
    ("H2", b"<meta http-equiv=Refresh content=\"1 , URL = '%s'\">", b"xontent"),
    ("H2", b'<meta content="0;%s" http-equiv="refre&#115;h">', b"xontent"),
    ("H3", b'<script type="speculationrules">{"prefetch":[{"urls":["%s"]}]}</script>', b"xpeculationrules"),
    ("H3", b'<script type=SpeculationRules>{"prerender":[{"urls":["/a","%s"]}]}</script >', b"xpeculation"),
    ("H3", b'<script type="speculationrules">{"prefetch":[{"source":"document"}]}</script>%.0s', b"xpec"),
    (
        "H3",
        b'<script type="speculationrules">{"prefetch":[{"where":{"href_matches":"%s*"}}]}</script>',
        b"xpec",
    ),
    (
        "H3",
        b'<script type="speculationrules">{"prefetch":[{"where":{"selector_matches":"a"}}]}</script>%.0s',
        b"xpec",
    ),
    (
        "H3",
        b'<script type="speculationrules">{"a":"<!--<script></script>","prefetch":[{"urls":["%s"]}]}</script>',
        b"xpec",
    ),
    ("H4", b'<a href="/" ping="%s">', b"xing"),
    ("H4", b'<area ping="/own %s">', b"xing"),
    ("H4", b"<a Ping = '%s'>", b"xing"),
    ("H5", b'<iframe src="%s">', b"xrc"),
    ("H5", b'<frame src="%s">', b"xrc"),
    ("H5", b'<fencedframe src="%s">', b"xrc"),
    ("H5", b'<embed src="%s">', b"xrc"),
    ("H5", b'<object data="%s">', b"xata"),
    ("H5", b'<iframe srcdoc="&lt;link rel=preconnect href=%s>">', b"xrcdoc"),
    ("H5", b'<iframe srcdoc="&lt;iframe srcdoc=&quot;&amp;lt;iframe src=%s>&quot;>">', b"xrcdoc"),
    ("H5", b'<iframe src="data:text/html,%%3Clink rel=preconnect href=%s%%3E">', b"xrc"),
    (
        "H5",
        b'<iframe src="DATA:text/html;Base64,PGxpbmsgcmVsPXByZWNvbm5lY3QgaHJlZj0vL2V2aWwuZXhhbXBsZT4=">%.0s',
        b"xrc",
    ),
    ("H5", b'<iframe src="data:text/html;base64,PGxpbmsa=a">%.0s', b"xrc"),
    ("H6", b'<form action="%s">', b".ttps"),
    ("H6", b'<button formaction="%s">', b".ttps"),
    ("H6", b"<input type=submit formaction=%s>", b".ttps"),
    ("H7", b'<script>window.open("%s")</script>', b".ttps"),
    ("H7", b"<script>open ( '%s', 'ad')</script>", b".ttps"),
    ("H7", b'<b onclick="open(&quot;%s&quot;)">', b".ttps"),
    ("H8", b'<meta http-equiv="origin-trial" content="%s">', b"xontent"),
]


@pytest.mark.parametrize(("rule", "template", "left"), REFUSED)
def test_what_leads_away_is_made_inert(rule, template, left):
    page = b"<p>before</p>" + template % EVIL + b"<p>after</p>"
    sent, rules = through(page)

    assert {rule} == set(rules)
    assert left in sent
    assert left not in page
    assert len(page) == len(sent)
    assert 1 == sum(a != b for a, b in zip(page, sent, strict=True))


@pytest.mark.parametrize(("rule", "template", "left"), REFUSED)
@pytest.mark.parametrize("step", [1, 2, 3, 7, 16])
def test_pieces_are_judged_as_the_whole(rule, template, left, step):
    page = b"<p>before</p>" + template % EVIL + b"<p>after</p>"

    assert through(page) == through(page, step=step)


@pytest.mark.parametrize(("rule", "template", "left"), REFUSED)
def test_what_is_inert_stays_as_it_is(rule, template, left):
    sent, _ = through(template % EVIL)

    assert (sent, []) == through(sent)


@pytest.mark.parametrize(
    "address", [b"//evil.example", b" https://evil.example", b"&#104;ttps://evil.example", rb"\\evil.example"]
)
def test_H6_a_form_is_sent_neither_to_a_stranger_nor_to_its_own_page(address):
    sent, _ = through(b'<form action="%s">' % address)

    assert b'<form action=".' + address[1:] + b'">' == sent
    assert (sent, []) == through(sent)


def test_H7_escapes_of_a_script_are_read():
    for url in (rb"https:\/\/evil.example", rb"\x2f\x2fevil.example", rb"\u002f/evil.example"):
        assert ["H7"] == through(b'<script>open("%s")</script>' % url)[1]


def test_H9_a_page_in_utf_16_cannot_be_read_by_anybody():
    page = '<link rel="preconnect" href="//evil.example">'.encode("utf-16")
    sent, rules = through(page)

    assert ["H9"] == rules
    assert b"\0" not in sent
    assert len(page) == len(sent)


def test_H9_escapes_between_letters_are_no_hiding_place():
    sent, rules = through(b"<li\x1b(Bnk rel=preconnect href=//evil.example>")

    assert ["H9"] == rules
    assert b"<li (Bnk" in sent


@pytest.mark.parametrize(
    "declared",
    [
        b"<!ENTITY x \"&#60;link rel='preconnect' href='//evil.example'/>\">",
        b'<!ENTITY e "//evil.example">',
        b"<!ATTLIST link rel CDATA 'preconnect' href CDATA '//evil.example'>",
    ],
)
@pytest.mark.parametrize("step", [None, 1, 5])
def test_H9_what_a_document_type_declares_is_no_hiding_place(declared, step):
    page = b"<!DOCTYPE html [" + declared + b"]><html><link rel='preconnect' href='&e;'/>&x;</html>"
    sent, rules = through(page, kind="xml", step=step)

    assert (["H9"], True) == (rules, b"<!x" in sent)
    assert (page, []) == through(page)


@pytest.mark.parametrize(
    "frame",
    [
        b"da&#10;ta:text/html,%3Clink rel=preconnect href=//evil.example%3E",
        b"&#1;data:text/html,%3Clink rel=preconnect href=//evil.example%3E",
        b"data:application/xhtml+xml,%3Ch:link rel='preconnect' href='//evil.example'/%3E",
        b"javascript:'&lt;link rel=preconnect href=//evil.example>'",
    ],
)
def test_H5_a_frame_is_read_however_its_address_is_written(frame):
    assert ["H5"] == through(b'<iframe src="' + frame + b'"></iframe>')[1]


def test_H2_a_quote_within_an_address_does_not_end_it():
    """No browser minds one in the name of a host."""
    for content in ("0;url=//shop.example'.evil.example", "0;url='//shop.example&quot;.evil.example'"):
        assert ["H2"] == through(f'<meta http-equiv=refresh content="{content}">'.encode())[1]


def test_H1_half_of_a_character_is_no_sign():
    """In Shift_JIS the byte of the "@" is the second half of a letter here, and the host another."""
    assert ["H1"] == through(b"<link rel=preconnect href=https://evil.\x89@shop.example>")[1]


def test_H3_rules_in_which_an_address_is_none_are_refused():
    rules = b'<script type=speculationrules>{"prefetch":[{"urls":[{}]}]}</script>'

    assert ["H3"] == through(rules)[1]


def test_H10_a_tag_too_long_to_wait_for_is_no_tag():
    page = b'<link title="' + b"a" * 2 * MAX_HELD + b'" rel=preconnect href=//evil.example>'
    sent, rules = through(page, step=1000)

    assert ["H10"] == rules
    assert sent.startswith(b'<xink title="a')
    assert len(page) == len(sent)


def test_H10_a_long_tag_that_comes_at_once_is_read():
    page = b'<link rel=icon href="data:image/png;base64,' + b"a" * MAX_HELD + b'">'

    assert (page, []) == through(page)


# What is not refused

CLEAN = [
    b'<link rel="stylesheet" href="/a.css">',
    b'<link rel="preconnect" href="https://images.shop.example">',
    b'<link rel="prefetch" href="next">',
    b'<link rel="canonical" href="https://evil.example/x">',
    b'<a href="https://evil.example/x" target="_blank">a link is a person\'s own choice</a>',
    b'<a href="/" ping="/log">',
    b"<p>shopping = fun, keeping=1</p>",
    b'<meta name="viewport" content="width=device-width">',
    b'<meta http-equiv="refresh" content="30">',
    b'<meta http-equiv="refresh" content="0;url=/next?to=https://evil.example">',
    b'<script src="https://evil.example/x.js"></script>',
    b'<img src="https://evil.example/x.gif">',
    b'<script type="speculationrules">{"prefetch":[{"urls":["/a"]}],"tag":"x"}</script>',
    (
        b'<script type="speculationrules">{"prerender":[{"where":{"and":[{"href_matches":"/*"},'
        b'{"not":{"selector_matches":".no"}}]}}]}</script>'
    ),
    b'<script type="speculationrules">{"prefetch":[{"where":{"or":[{"href_matches":["/a","/b"]}]}}]}</script>',
    b'<script type="application/json">{"urls":["https://evil.example"]}</script>',
    b'<form action="/search" method="get"><button formaction="?a">',
    b"<form><input name=q></form>",
    b'<iframe src="/map"></iframe><iframe srcdoc="<p>ours</p>"></iframe><iframe></iframe>',
    b'<iframe src="data:text/html,<p>ours"></iframe><iframe src="about:blank"></iframe>',
    b'<script>window.open("/help"); open(url); x.open("GET", "https://evil.example"); open()</script>',
    b'<script>caches.open("app:v1")</script>',
    b'<p>We open (from 9) "https://evil.example"</p>',
    b"<linked rel=preconnect href=https://evil.example>",
    b'<linkrel="preconnect" href="https://evil.example">',
    b'<link rel="preconnect" href="/a" href="https://evil.example">',
    b'<link rel="preconnect" href="https://evil.example"',  # never ends, so it is no tag
    "<p>Größe &amp; Maß — 10 €</p>".encode(),
    b"",
]


@pytest.mark.parametrize("page", CLEAN)
@pytest.mark.parametrize("step", [None, 1, 5])
def test_what_stays_or_is_the_policys_affair_passes_untouched(page, step):
    assert (page, []) == through(page, step=step)


@pytest.mark.parametrize(
    ("rule", "template", "purpose"),
    [
        ("H1", b'<link rel="preconnect" href="%s">', "font"),
        ("H2", b'<meta http-equiv="refresh" content="0;url=%s">', "navigate"),
        ("H3", b'<script type="speculationrules">{"prefetch":[{"urls":["%s"]}]}</script>', "connect"),
        ("H4", b'<a ping="%s">', "connect"),
        ("H5", b'<iframe src="%s">', "frame"),
        ("H6", b'<form action="%s">', "form"),
        ("H6", b'<form action="%s">', "navigate"),
        ("H7", b'<script>open("%s")</script>', "navigate"),
    ],
)
def test_a_host_that_was_let_in_passes(rule, template, purpose):
    page = template % EVIL

    assert (page, []) == through(page, **{purpose: ["evil.example"]})
    assert [rule] == through(page, image=["other.example"])[1]


def test_names_with_a_prefix_are_names_in_xml():
    page = b'<h:link xmlns:h="http://www.w3.org/1999/xhtml" rel="preconnect" href="https://evil.example"/>'

    assert ["H1"] == through(page, kind="xml")[1]
    assert [] == through(page)[1]


def test_each_rule_has_its_reason_and_its_test():
    tests = set(re.findall(r"\bH(?:10|[1-9])\b", Path(__file__).read_text()))

    assert {rule for rule in REASONS if rule[0] == "H"} == tests


# Streams


def test_only_the_beginning_of_a_tag_waits():
    filtering = PageFilter(Hosts(SITE, {}).strange, lambda _: None)

    assert b"<p>Hello</p><p>" == filtering.feed(b"<p>Hello</p><p><lin")
    assert b"" == filtering.feed(b"k rel=stylesheet ")
    assert b"<link rel=stylesheet href=/a.css>text" == filtering.feed(b"href=/a.css>text")
    assert b"" == filtering.end()


def test_what_waits_is_bounded():
    filtering = PageFilter(Hosts(SITE, {}).strange, lambda _: None)
    sent = sum(len(filtering.feed(b'<link title="' + b"a>" * 500)) for _ in range(100))

    assert 100 * 1013 - sent <= MAX_HELD


# Against a browser's own parser, whatever the page

WORDS = st.sampled_from(
    [
        *(
            b"<link",
            b"<LINK ",
            b"<lin",
            b"k",
            b"<!--",
            b"-->",
            b"<p>",
            b"</p",
            b"<script>",
            b"</script>",
            b"<a ",
        ),
        *(
            b'"',
            b"'",
            b"=",
            b">",
            b"<",
            b"/",
            b" ",
            b"\n",
            b"\f",
            b"`",
            b"&",
            b";",
            b"\0",
            b"\x1b(B",
            b"text",
        ),
        *(
            b"rel",
            b"REL=",
            b'rel="preconnect"',
            b"rel=pre&#99;onnect",
            b"rel='x dns-prefetch'",
            b"preconnect",
        ),
        *(b"href=", b'href="', b"href='", b"//evil.example", b"https://evil.example/a?b", b"/own", b"title="),
        *(
            b"<textarea>",
            b"<title>",
            b"<style>",
            b"<![CDATA[",
            b"]]>",
            b"<?",
            b"<svg>",
            b"<template>",
            b"\x80",
        ),
        *(b"xref", b"href", b'<link rel="preconnect" href="//evil.example">', b"<meta charset=utf-8>"),
    ]
)


def strangers(page):
    """Return the hints to strangers that a browser's parser finds."""
    hosts = Hosts(SITE, {})
    return [
        node.attributes
        for node in LexborHTMLParser(page.decode("utf-8", "replace")).css("link")
        if HINTS.intersection((node.attributes.get("rel") or "").lower().split())
        and hosts.strange(node.attributes.get("href") or "", "load")
    ]


def test_the_parser_finds_what_is_there():
    assert 1 == len(strangers(b'<link rel="pre&#99;onnect" href="//evil.example">'))


@given(st.lists(WORDS, max_size=24), st.integers(1, 40))
@example([b'<link rel="preconnect" href="//evil.example">'], 3)
@example([b"<link", b" ", b"a=", b'"', b">", b'"', b'rel="preconnect"', b"href=", b"//evil.example", b">"], 1)
def test_no_page_leads_a_browser_to_a_stranger(words, step):
    page = b"".join(words)
    sent, _ = through(page, step=step)

    assert len(page) == len(sent)
    assert [] == strangers(sent)


@given(st.lists(WORDS | st.binary(max_size=5), max_size=24), st.integers(1, 40))
def test_any_pieces_give_the_same_page(words, step):
    page = b"".join(words)

    assert through(page)[0] == through(page, step=step)[0]
