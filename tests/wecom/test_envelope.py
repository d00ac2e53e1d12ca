"""The envelope against published vectors, against wechatpy as an independent peer, and against attackers."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.enterprise.crypto import WeChatCrypto

from bot.wecom.apps import WeComApp
from bot.wecom.envelope import Envelope
from bot.wecom.wire import WireError, parse_xml, text_of
from core.clock import MovableClock
from simulator.wecom.crypto import AppCipher, Breakage, sign
from tests.wecom.stand import CORP, SALES, START

DOCUMENTED = ("QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7")
OFFICIAL_PYTHON = (
    "hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo",
    "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt",
    "ww1436e0e65a779aee",
)
WECHATPY = ("123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a")

VECTORS = {
    "page 90968, URL check": (
        DOCUMENTED,
        "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        "1409659589",
        "263014780",
        "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
        "1616140317555161061",
    ),
    "page 90968, message": (
        DOCUMENTED,
        "477715d11cdb4164915debcba66cb864d751f3e6",
        "1409659813",
        "1372623149",
        (
            "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/s"
            "YYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJ"
            "YuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGU"
            "callcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDY"
            "A5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
        ),
        "<Content><![CDATA[hello]]></Content>",
    ),
    "official Python sample, URL check": (
        OFFICIAL_PYTHON,
        "012bc692d0a58dd4b10f8dfe5c4ac00ae211ebeb",
        "1476416373",
        "47744683",
        "fsi1xnbH4yQh0+PJxcOdhhK6TDXkjMyhEPA7xB2TGz6b+g7xyAbEkRxN/3cNXW9qdqjnoVzEtpbhnFyq6SVHyA==",
        "1288432023552776189",
    ),
    "official Python sample, message": (
        OFFICIAL_PYTHON,
        "0c3914025cb4b4d68103f6bfc8db550f79dcf48e",
        "1476422779",
        "1597212914",
        (
            "Kl7kjoSf6DMD1zh7rtrHjFaDapSCkaOnwu3bqLc5tAybhhMl9pFeK8NslNPVdMwmBQTNoW4mY7AIjeLvEl3NyeTkAgGzBhzTtRLNshw2"
            "AEew+kkYcD+Fq72Kt00fT0WnN87hGrW8SqGc+NcT3mu87Ha3dz1pSDi6GaUA6A0sqfde0VJPQbZ9U+3JWcoD4Z5jaU0y9GSh010wsHF8"
            "KZD24YhmZH4ch4Ka7ilEbjbfvhKkNL65HHL0J6EYJIZUC2pFrdkJ7MhmEbU2qARR4iQHE7wy24qy0cRX3Mfp6iELcDNfSsPGjUQVDGxQ"
            "DCWjayJOpcwocugux082f49HKYg84EpHSGXAyh+/oxwaWbvL6aSDPOYuPDGOCI8jmnKiypE+"
        ),
        "<Content>你好</Content>",
    ),
    "wechatpy, URL check": (
        WECHATPY,
        "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
        "1411443780",
        "437374425",
        "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
        "",
    ),
    "wechatpy, message": (
        WECHATPY,
        "74d92dfeb87ba7c714f89d98870ae5eb62dff26d",
        "1411525903",
        "461056294",
        (
            "RgqEoJj5A4EMYlLvWO1F86ioRjZfaex/gePD0gOXTxpsq5Yj4GNglrBb8I2BAJVODGajiFnXBu7mCPatfjsu6IHCrsTyeDXzF6Bv283d"
            "Gymzxh6ydJRvZsryDyZbLTE7rhnus50qGPMfp2wASFlzEgMW9z1ef/RD8XzaFYgm7iTdaXpXaG4+BiYyolBug/gYNx410cvkKR2/nPwB"
            "iT+P4hIiOAQqGp/TywZBtDh1yCF2KOd0gpiMZ5jSw3e29mTvmUHzkVQiMS6td7vXUaWOMZnYZlF3So2SjHnwh4jYFxdgpkHHqIrH/54S"
            "NdshoQgWYEvccTKe7FS709/5t6NMxuGhcUGAPOQipvWTT4dShyqio7mlsl5noTrb++x6En749zCpQVhDpbV6GDnTbcX2e8K9QaNWHp91"
            "eBdCRxthuL0="
        ),
        "messense",
    ),
}


def envelope(keys: tuple[str, str, str], at: datetime = START) -> Envelope:
    token, aes_key, corpid = keys
    app = WeComApp(corpid=corpid, agentid=1, secret="s", token=token, aes_key=aes_key)
    return Envelope(app, MovableClock(at, speed=0.0))


def opened(sealed: str, keys: tuple[str, str, str], at: datetime = START) -> bytes:
    outer = parse_xml(sealed.encode())
    return envelope(keys, at).open(
        msg_signature=text_of(outer, "MsgSignature"),
        timestamp=text_of(outer, "TimeStamp"),
        nonce=text_of(outer, "Nonce"),
        encrypt=text_of(outer, "Encrypt"),
    )


@pytest.mark.parametrize("name", VECTORS)
def test_published_vectors_open(name: str) -> None:
    keys, signed, timestamp, nonce, encrypt, expected = VECTORS[name]
    sent = datetime.fromtimestamp(int(timestamp), UTC)

    plain = envelope(keys, sent).open(msg_signature=signed, timestamp=timestamp, nonce=nonce, encrypt=encrypt)

    assert expected in plain.decode()


def test_sealing_reproduces_wechatpys_published_reply_byte_for_byte() -> None:
    reply = (
        "<xml>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[test]]></Content>\n"
        "<FromUserName><![CDATA[wx49f0ab532d5d035a]]></FromUserName>\n"
        "<ToUserName><![CDATA[messense]]></ToUserName>\n<AgentID>1</AgentID>\n"
        "<CreateTime>1411525903</CreateTime>\n</xml>"
    )

    sealed = envelope(WECHATPY).seal(
        reply.encode(), timestamp=1411525903, nonce="461056294", random=b"1234567890123456"
    )

    outer = parse_xml(sealed.encode())
    assert outer["MsgSignature"] == "407518b7649e86ef23978113f92d27afa9296533"
    assert outer["Encrypt"].startswith("9s4gMv99m88kKTh/H8IdkOiMg6bisoy3ypwy9H4hvSPe9nsGaqyw5hhSjdYbcrKk")


@given(st.text(max_size=200))
def test_wechatpy_opens_what_we_seal_and_we_open_what_it_seals(text: str) -> None:
    token, aes_key, corpid = DOCUMENTED
    peer = WeChatCrypto(token, aes_key, corpid)
    now = int(START.timestamp())

    ours = envelope(DOCUMENTED).seal(text.encode(), timestamp=now, nonce="n1")
    outer = parse_xml(ours.encode())
    theirs = peer.encrypt_message(text, "n2", str(now))

    assert peer.decrypt_message(ours, outer["MsgSignature"], str(now), "n1") == text
    assert opened(theirs, DOCUMENTED).decode() == text


BROKEN = {
    Breakage.BAD_SIGNATURE: (403, "signature"),
    Breakage.WRONG_RECEIVEID: (403, "receiveid"),
    Breakage.STALE_TIMESTAMP: (403, "stale"),
    Breakage.PAD_ZERO: (403, "decrypt"),
    Breakage.PAD_33: (403, "decrypt"),
    Breakage.HUGE_LENGTH: (403, "decrypt"),
    Breakage.SHORT: (403, "decrypt"),
    Breakage.RAGGED: (403, "decrypt"),
    Breakage.NOT_BASE64: (403, "decrypt"),
}


@pytest.mark.parametrize("breakage", BROKEN)
def test_a_broken_envelope_is_one_refusal(breakage: Breakage) -> None:
    cipher = AppCipher(token=SALES.token, aes_key=SALES.aes_key, receiveid=CORP)
    bad = cipher.seal(b"<xml/>", timestamp=int(START.timestamp()), nonce="9", agentid=SALES.agentid, breakage=breakage)

    with pytest.raises(WireError) as refused:
        Envelope(SALES, MovableClock(START, speed=0.0)).open(
            msg_signature=bad.signature, timestamp=bad.timestamp, nonce=bad.nonce, encrypt=bad.encrypt
        )

    assert (refused.value.status, refused.value.reason) == BROKEN[breakage]


@given(st.binary(max_size=300))
def test_no_ciphertext_raises_anything_but_a_refusal(noise: bytes) -> None:
    encrypt = base64.b64encode(noise).decode()
    timestamp = str(int(START.timestamp()))
    with pytest.raises(WireError):
        Envelope(SALES, MovableClock(START, speed=0.0)).open(
            msg_signature=sign(SALES.token, timestamp, "1", encrypt),
            timestamp=timestamp,
            nonce="1",
            encrypt=encrypt,
        )


@pytest.mark.parametrize(("seconds", "fresh"), [(-601, False), (-600, True), (600, True), (601, False)])
def test_an_envelope_is_fresh_for_ten_minutes_either_way(seconds: int, fresh: bool) -> None:
    sealed = envelope(DOCUMENTED).seal(b"hi", timestamp=int(START.timestamp()), nonce="1")
    at = START + timedelta(seconds=seconds)

    if fresh:
        assert opened(sealed, DOCUMENTED, at) == b"hi"
    else:
        with pytest.raises(WireError, match="stale"):
            opened(sealed, DOCUMENTED, at)


@pytest.mark.parametrize("change", [{"token": ""}, {"token": "bad token"}, {"aes_key": "x" * 42}, {"secret": ""}])
def test_an_app_that_the_console_cannot_show_is_refused(change: dict[str, str]) -> None:
    fields = {"corpid": CORP, "secret": "s", "token": "t", "aes_key": "x" * 43, **change}

    with pytest.raises(ValueError, match=next(iter(change))):
        WeComApp(agentid=1, **fields)


def test_no_secret_is_in_an_apps_text_form() -> None:
    assert SALES.secret not in repr(SALES)
    assert SALES.aes_key not in repr(SALES)
    assert "QDG6eK" not in repr(SALES)
