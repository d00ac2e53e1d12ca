"""The XML parser against what hostile bodies try, with defusedxml as the oracle."""

from __future__ import annotations

import contextlib

import defusedxml
import defusedxml.ElementTree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wecom.wire import MAX_DEPTH, WireError, parse_xml, text_of

BOMB = (
    '<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    "<xml><Content>&c;</Content></xml>"
)
FORBIDDEN = {
    "entity bomb": BOMB,
    "external entity": '<!DOCTYPE xml [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><Content>&f;</Content></xml>',
    "bare document type": "<!DOCTYPE xml><xml><Content>x</Content></xml>",
    "external document type": '<!DOCTYPE xml SYSTEM "http://x.example/x.dtd"><xml/>',
    "parameter entity": '<!DOCTYPE xml [<!ENTITY % p "x"> %p;]><xml/>',
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_declarations_are_refused_as_defusedxml_refuses_them(name: str) -> None:
    body = FORBIDDEN[name].encode()

    with pytest.raises(defusedxml.DefusedXmlException):
        defusedxml.ElementTree.fromstring(body, forbid_dtd=True)
    with pytest.raises(WireError) as refused:
        parse_xml(body)

    assert (refused.value.status, refused.value.reason) == (400, "declaration")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<xml>",
        b"<xml></yml>",
        b"<other/>",
        b"<xml/><xml/>",
        b"<xml>\xff\xfe</xml>",
        b"<xml>&unknown;</xml>",
        b"<?php x?><xml/>",
        "<xml>你</xml>".encode("utf-16"),
        b"\x00" * 40,
    ],
)
def test_what_is_no_xml_of_wecoms_is_refused(body: bytes) -> None:
    with pytest.raises(WireError) as refused:
        parse_xml(body)

    assert refused.value.status == 400


def test_nesting_ends_where_no_callback_ever_goes() -> None:
    deep = "<xml>" + "<a>" * (MAX_DEPTH - 1) + "</a>" * (MAX_DEPTH - 1) + "</xml>"
    deeper = "<xml>" + "<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH + "</xml>"

    parse_xml(deep.encode())
    with pytest.raises(WireError, match="too_deep"):
        parse_xml(deeper.encode())


def test_one_and_several_options_read_the_same() -> None:
    one = parse_xml(b"<xml><OptionIds><OptionId>a</OptionId></OptionIds></xml>")
    two = parse_xml(b"<xml><OptionIds><OptionId>a</OptionId><OptionId>b</OptionId></OptionIds></xml>")
    none = parse_xml(b"<xml><OptionIds/></xml>")

    assert one == {"OptionIds": {"OptionId": ["a"]}}
    assert two == {"OptionIds": {"OptionId": ["a", "b"]}}
    assert none == {"OptionIds": ""}


def test_a_repeated_field_is_no_text_so_that_nobody_can_smuggle_a_second_one() -> None:
    tree = parse_xml(b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt><Encrypt>c</Encrypt></xml>")

    assert tree == {"Encrypt": ["a", "b", "c"]}
    assert text_of(tree, "Encrypt") == ""


def test_split_cdata_is_one_text() -> None:
    assert parse_xml(b"<xml><C><![CDATA[a]]]]><![CDATA[>b]]></C></xml>") == {"C": "a]]>b"}


@given(st.binary(max_size=200))
def test_no_body_raises_anything_but_a_refusal(noise: bytes) -> None:
    with contextlib.suppress(WireError):
        parse_xml(b"<xml>" + noise + b"</xml>")
