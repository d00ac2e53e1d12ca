"""The envelope crypto against published vectors, and every way it can be broken."""

from __future__ import annotations

import base64

import pytest

from simulator.wecom import AppCipher, Breakage, EnvelopeError

OFFICIAL = AppCipher(
    token="QDG6eK",
    aes_key="jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
    receiveid="wx5823bf96d3bd56c7",
)
"""The sample of page 90968 (also in Tencent's Go and Python libraries); its key is non-canonical."""

OFFICIAL_MESSAGE = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/"
    "sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZ"
    "fJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LA"
    "VGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H"
    "3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)
WXJAVA = AppCipher(
    token="pamtest",
    aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE",
    receiveid="wxb11529c136998cb6",
)
WECHATPY = AppCipher(
    token="123456",
    aes_key="kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
    receiveid="wx49f0ab532d5d035a",
)


def test_the_official_echo_string_verifies_and_decrypts() -> None:
    echo = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="

    OFFICIAL.check_signature(
        signature="5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        timestamp="1409659589",
        nonce="263014780",
        encrypt=echo,
    )

    assert OFFICIAL.decrypt(echo) == b"1616140317555161061"


def test_the_official_message_verifies_and_decrypts() -> None:
    OFFICIAL.check_signature(
        signature="477715d11cdb4164915debcba66cb864d751f3e6",
        timestamp="1409659813",
        nonce="1372623149",
        encrypt=OFFICIAL_MESSAGE,
    )

    plain = OFFICIAL.decrypt(OFFICIAL_MESSAGE).decode()

    assert "<Content><![CDATA[hello]]></Content>" in plain
    assert "<MsgId>4561255354251345929</MsgId>" in plain


def test_wxjavas_deterministic_vector_is_reproduced_byte_for_byte() -> None:
    expected = "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="

    sealed = WXJAVA.encrypt("我是中文abcd123".encode(), random=b"aaaabbbbccccdddd")

    assert sealed == expected


def test_wechatpys_vectors_verify_and_are_reproduced() -> None:
    reply = (
        "<xml>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[test]]></Content>\n"
        "<FromUserName><![CDATA[wx49f0ab532d5d035a]]></FromUserName>\n"
        "<ToUserName><![CDATA[messense]]></ToUserName>\n<AgentID>1</AgentID>\n"
        "<CreateTime>1411525903</CreateTime>\n</xml>"
    )

    sealed = WECHATPY.encrypt(reply.encode(), random=b"1234567890123456")

    assert sealed == WECHATPY_REPLY
    WECHATPY.check_signature(
        signature="407518b7649e86ef23978113f92d27afa9296533",
        timestamp="1411525903",
        nonce="461056294",
        encrypt=sealed,
    )
    WECHATPY.check_signature(
        signature="dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
        timestamp="1411443780",
        nonce="437374425",
        encrypt="4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
    )


WECHATPY_REPLY = (
    "9s4gMv99m88kKTh/H8IdkOiMg6bisoy3ypwy9H4hvSPe9nsGaqyw5hhSjdYbcrKk+j3nba4HMOTzHrluLBYqxgNcBqGsL8GqxlhZgURn"
    "AtObvesEl5nZ+uBE8bviY0LWke8Zy9V/QYKxNV2FqllNXcfmstttyIkMKCCmVbCFM2JTF5wY0nFhHZSjPUL2Q1qvSUCUld+/WIXrx0oy"
    "KQmpB6o8NRrrNrsDf03oxI1p9FxUgMnwKKZeOA/uu+2IEvEBtb7muXsVbwbgX05UPPJvFurDXafG0RQyPR+mf1nDnAtQmmNOuiR5MIkd"
    "Q39xn1vWwi1O5oazPoQJz0nTYjxxEE8kv3kFxtAGVRe3ypD3WeK2XeFYFMNMpatF9XiKzHo3"
)


@pytest.mark.parametrize("size", range(65))
def test_every_message_length_survives_the_round_trip(size: int) -> None:
    message = b"x" * size

    sealed = OFFICIAL.encrypt(message)

    assert OFFICIAL.decrypt(sealed) == message
    assert len(base64.b64decode(sealed)) % 32 == 0


@pytest.mark.parametrize(
    ("breakage", "code"),
    [
        (Breakage.WRONG_RECEIVEID, -40005),
        (Breakage.PAD_ZERO, -40007),
        (Breakage.PAD_33, -40007),
        (Breakage.HUGE_LENGTH, -40008),
        (Breakage.SHORT, -40008),
        (Breakage.RAGGED, -40007),
        (Breakage.NOT_BASE64, -40010),
    ],
)
def test_a_broken_envelope_is_well_signed_and_refused_for_its_fault(breakage: Breakage, code: int) -> None:
    envelope = OFFICIAL.seal(b"<xml/>", timestamp=1409659813, nonce="1", agentid=218, breakage=breakage)

    OFFICIAL.check_signature(
        signature=envelope.signature, timestamp=envelope.timestamp, nonce="1", encrypt=envelope.encrypt
    )

    with pytest.raises(EnvelopeError) as refused:
        OFFICIAL.decrypt(envelope.encrypt)
    assert refused.value.code == code


def test_a_bad_signature_is_refused() -> None:
    envelope = OFFICIAL.seal(b"<xml/>", timestamp=1, nonce="1", agentid=218, breakage=Breakage.BAD_SIGNATURE)

    with pytest.raises(EnvelopeError, match="-40001"):
        OFFICIAL.check_signature(signature=envelope.signature, timestamp="1", nonce="1", encrypt=envelope.encrypt)


def test_bad_utf8_reaches_the_reader_as_it_was_sealed() -> None:
    envelope = OFFICIAL.seal(b"<xml/>", timestamp=1, nonce="1", agentid=218, breakage=Breakage.BAD_UTF8)

    with pytest.raises(UnicodeDecodeError):
        OFFICIAL.decrypt(envelope.encrypt).decode()


def test_outer_breakages_change_the_body_only() -> None:
    def body(breakage: Breakage) -> str:
        return OFFICIAL.seal(b"<xml/>", timestamp=1, nonce="1", agentid=218, breakage=breakage).body().decode()

    assert body(Breakage.DTD).startswith("<!DOCTYPE")
    assert "<Encrypt>" not in body(Breakage.NO_ENCRYPT)
    assert body(Breakage.NOT_XML).startswith("{")
    assert "<AgentID><![CDATA[219]]></AgentID>" in body(Breakage.OTHER_AGENT)


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="-40004"):
        AppCipher(token="t", aes_key="short", receiveid="x")
