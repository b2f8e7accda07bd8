"""What enters: the rules I1 to I10. I11 is the guard's (test_guard.py)."""

from __future__ import annotations

import pytest

from cactuprivacy import Cookie, Site
from cactuprivacy.cookies.rules import MAX_COOKIE_BYTES, MAX_PAIRS, MAX_TOLD, Rules

COOKIES = [
    Cookie("session", purpose="keeps your basket"),
    Cookie("basket", purpose="remembers your basket"),
    Cookie("__Host-sid", purpose="keeps you logged in"),
]


@pytest.fixture
def rules() -> Rules:
    return Rules(Site("https://shop.example"), COOKIES)


@pytest.fixture
def lenient() -> Rules:
    return Rules(Site("https://shop.example"), COOKIES, undeclared="allow")


def left(rules, header, **context):
    return rules.incoming(header, **context)[0]


def broken(rules, header, **context):
    return [(verdict.rule, verdict.name) for verdict in rules.incoming(header, **context)[1]]


def counted(rules, header, **context):
    return sum(verdict.times for verdict in rules.incoming(header, **context)[1])


def test_declared_cookies_enter_as_they_are(rules):
    header = '__Host-sid=a=b; session=; basket="1"'

    assert (header, []) == rules.incoming(header)


@pytest.mark.parametrize(
    "joined",
    [
        pytest.param("session=1,basket=2", id="wsgiref, werkzeug, gunicorn"),
        pytest.param("session=1, basket=2", id="waitress, uWSGI"),
        pytest.param("session=1; basket=2", id="RFC 9113"),
        pytest.param("session=1;basket=2", id="granian"),
    ],
)
def test_I1_lines_that_a_server_has_joined_are_parted(rules, joined):
    assert ("session=1; basket=2", []) == rules.incoming(joined)


def test_I1_the_same_line_twice_is_one(rules):
    assert ("session=A", []) == rules.incoming("session=A,session=A")


@pytest.mark.parametrize("value", ["a,b", "a,", ",", "a, b c=1", "a,b;c"])
def test_I1_a_comma_that_joins_nothing_drops_the_pair(rules, value):
    assert ("I1", "session") in broken(rules, f"session={value}")
    assert left(rules, f"session={value}") is None


def test_I1_a_comma_gives_nobody_a_prefix(rules):
    header = "session=1,__Host-sid=evil"

    assert "session=1" == left(rules, header)
    assert [("I1", "__Host-sid")] == broken(rules, header)


@pytest.mark.parametrize(
    "name",
    ["\u2000__Host-sid", "\xa0session", "\x0bsession", "\x85session", "ses sion", 'ses"sion', "session\x00"],
)
def test_I2_space_and_tab_alone_are_trimmed_and_a_name_is_a_token(rules, name):
    header = f"{name}=evil; \tbasket\t=\t2 "

    assert "basket=2" == left(rules, header)
    assert ["I2"] == [rule for rule, _ in broken(rules, header)]


def test_I2_nothing_is_decoded(rules):
    assert left(rules, "%73ession=evil") is None


@pytest.mark.parametrize("name", ["__HOST-sid", "__host-sid", "Session", "__HOST-other", "__SECURE-x"])
def test_I3_another_spelling_is_an_attack(rules, lenient, name):
    for judge in rules, lenient:
        assert "__Host-sid=1" == left(judge, f"__Host-sid=1; {name}=evil")
        assert [("I3", name)] == broken(judge, f"__Host-sid=1; {name}=evil")


def test_I4_quotes_hide_no_cookie_from_some_parsers(rules):
    header = 'session="x; _ga=1; __Host-sid=evil"; basket=2'

    assert "basket=2" == left(rules, header)
    assert [("I4", "session"), ("I9", "_ga"), ("I4", "__Host-sid")] == broken(rules, header)


@pytest.mark.parametrize("value", ['"', 'a"b', '"a"b"', "a b", "a\\b", '"a\\"b"', "ä", "a\x01b", "a\tb"])
def test_I4_a_value_that_parsers_disagree_about_is_dropped(rules, value):
    assert ("basket=2", [("I4", "session")]) == (
        left(rules, f"session={value}; basket=2"),
        broken(rules, f"session={value}; basket=2"),
    )


def test_I4_brackets_at_which_webob_starts_a_new_cookie_enter_in_quotes(rules):
    assert 'session="x[_ga=1]"; basket="[2"' == left(rules, 'session=x[_ga=1]; basket="[2"')


@pytest.mark.parametrize(
    "pair", ["", "session", "=session", "=", "$Version=1", "$Path=/", '$Domain="x"', "$Port=1"]
)
def test_I5_nameless_pairs_and_the_attributes_of_rfc_2965_are_dropped(rules, lenient, pair):
    for judge in rules, lenient:
        assert "basket=2" == left(judge, f"{pair}; basket=2")
        assert ["I5"] == [rule for rule, _ in broken(judge, f"{pair}; basket=2")]


@pytest.mark.parametrize("name", ["path", "Expires", "MAX-AGE", "secure", "SameSite", "comment", "version"])
def test_I5_where_others_are_allowed_none_has_an_attributes_name(lenient, name):
    assert ("session=1", [("I5", name)]) == (
        left(lenient, f"{name}=1; session=1"),
        broken(lenient, f"{name}=1; session=1"),
    )


@pytest.mark.parametrize("header", ["session=1; session=2", "session=1; basket=2; session=; session=1"])
def test_I6_of_two_values_neither_enters(rules, header):
    assert "session" not in (left(rules, header) or "")
    assert ("I6", "session") in broken(rules, header)


@pytest.mark.parametrize(
    "header", ['session="; session=1', 'session=1; session="', "session=1, ,; session=1"]
)
def test_I6_a_flawed_value_is_another_one(rules, header):
    assert left(rules, header) is None


def test_I6_holds_for_names_that_are_not_declared(lenient):
    assert left(lenient, "other=1; other=2") is None


def test_I7_no_prefix_without_https():
    rules = Rules(Site("http://localhost"), [], undeclared="allow")

    assert ("other=2", [("I7", "__Host-sid")]) == (
        left(rules, "__Host-sid=1; other=2"),
        broken(rules, "__Host-sid=1; other=2"),
    )


def test_I8_nothing_enters_from_inside_somebody_elses_page(rules):
    header = "session=1; _ga=2"

    assert left(rules, header, third_party=True) is None
    assert [("I8", "session"), ("I8", "_ga")] == broken(rules, header, third_party=True)


def test_I9_what_is_not_declared_does_not_enter(rules):
    header = "_ga=GA1.2.3; session=1; _fbp=fb.1"

    assert "session=1" == left(rules, header)
    assert [("I9", "_ga"), ("I9", "_fbp")] == broken(rules, header)


def test_I9_only_the_name_is_kept_cut_and_cleaned(rules):
    verdicts = rules.incoming("x" * 500 + "=secret; n\xe4me=secret")[1]

    assert ["x" * 64, "n?me"] == [verdict.name for verdict in verdicts]
    assert "secret" not in repr(verdicts)


def test_I9_undeclared_cookies_enter_where_they_are_allowed(lenient):
    assert "_ga=1; session=1" == left(lenient, "_ga=1; session=1")


def test_I10_as_many_pairs_as_a_browser_sends(rules):
    header = "session=1; " + "_ga=1; " * MAX_PAIRS + "basket=2"

    assert "session=1" == left(rules, header)
    assert ("I10", "") == broken(rules, header)[0]
    assert MAX_PAIRS == counted(rules, header)


@pytest.mark.parametrize("header", ["_ga=1," * 2000 + "_ga=1", ("_ga=1," * 179 + "_ga=1;") * 12])
def test_I10_joined_lines_count_too(rules, header):
    assert len(header) < MAX_COOKIE_BYTES
    assert 1 <= counted(rules, header) <= 2 * MAX_PAIRS


def test_I10_what_has_more_commas_than_a_browser_sends_pairs_is_one_pair(rules):
    header = "_ga=" + "1," * 2 * MAX_PAIRS + "session=1; basket=2," + "," * MAX_PAIRS + "; __Host-sid=3"

    assert "__Host-sid=3" == left(rules, header)
    assert [("I9", "_ga"), ("I1", "basket")] == broken(rules, header)


@pytest.mark.parametrize("name, rule", [("_ga", "I9"), ("Session", "I3"), ("n\xe4me", "I2")])
def test_I10_the_first_refusals_are_told_by_name_and_the_rest_counted(rules, name, rule):
    header = "basket=2; session=0; " + "; ".join(f"{name}={number}" for number in range(1, 101))
    verdicts = rules.incoming(header)[1]

    assert [(rule, name.replace("\xe4", "?"), 1)] * MAX_TOLD == [
        (verdict.rule, verdict.name, verdict.times) for verdict in verdicts[:MAX_TOLD]
    ]
    assert [("I9", "", 100 - MAX_TOLD)] == [
        (verdict.rule, verdict.name, verdict.times) for verdict in verdicts[MAX_TOLD:]
    ]


def test_I10_of_a_bombardment_with_declared_names_nothing_enters(rules):
    header = "basket=2; " + "; ".join(f"session={number}" for number in range(50))

    assert (None, [("I10", "")]) == (left(rules, header), broken(rules, header))
    assert 51 == counted(rules, header)


def test_I10_what_is_declared_enters_from_behind_all_that_is_not(rules):
    header = "; ".join([*(f"a{number}=1" for number in range(MAX_PAIRS - 1)), " \tsession\t=\t1\t"])

    assert "session=1" == left(rules, header)


def test_I10_from_a_strange_page_they_are_counted_too(rules):
    assert 100 == counted(rules, "; ".join(["session=1"] * 100), third_party=True)


def test_I10_as_many_bytes_as_a_server_takes(rules):
    header = "session=1; _ga=" + "x" * MAX_COOKIE_BYTES + "; basket=2"

    assert ("session=1", [("I10", "")]) == (left(rules, header), broken(rules, header))


@pytest.mark.parametrize(
    "header", ["", ";", "; ; ;", " ", "=" * 99, "," * 9999, '"' * 9999, "\x00", "\xff" * 999]
)
def test_I10_garbage_leaves_nothing(rules, lenient, header):
    assert left(rules, header) is None
    assert left(lenient, header) is None
