"""Hostile WeCom callbacks from a seed: random, mutated at every layer, or well signed around a damaged inside."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable
from dataclasses import dataclass, replace

from simulator.wecom.crypto import AppCipher, Breakage, Envelope, EnvelopeError, sign
from tests.wecom.stand import CORP, SALES, START

NOW = int(START.timestamp())
CIPHER = AppCipher(token=SALES.token, aes_key=SALES.aes_key, receiveid=CORP)
STRANGER = AppCipher(token="AnotherToken", aes_key="zyxwvutsrq9876543210" * 2 + "abE", receiveid=CORP)
MESSAGE = (
    "<xml><ToUserName><![CDATA[ww]]></ToUserName><FromUserName><![CDATA[XiaoA]]></FromUserName>"
    f"<CreateTime>{NOW}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好]]></Content>"
    "<MsgId>4711</MsgId><AgentID>1000002</AgentID></xml>"
)
PRESS = (
    f"<xml><FromUserName>boss1</FromUserName><CreateTime>{NOW}</CreateTime><MsgType>event</MsgType>"
    "<Event>template_card_event</Event><EventKey>ap|17|r3||5f0c9a1e22</EventKey><TaskId>ap-17</TaskId>"
    "<ResponseCode>RC</ResponseCode><SelectedItems><SelectedItem><QuestionKey>q</QuestionKey><OptionIds>"
    "<OptionId>a</OptionId></OptionIds></SelectedItem></SelectedItems></xml>"
)
DECLARED = (
    '<!DOCTYPE xml [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
    (
        '<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
        '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><xml><Encrypt>&c;</Encrypt></xml>'
    ),
    '<!DOCTYPE xml [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><Encrypt>&f;</Encrypt></xml>',
    '<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml><Encrypt>x</Encrypt></xml>',
    "<!DOCTYPE xml><xml><Encrypt>x</Encrypt></xml>",
    '<!DOCTYPE xml [<!ENTITY % p SYSTEM "http://127.0.0.1/p">%p;]><xml><Encrypt>x</Encrypt></xml>',
    '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE xml><xml><Encrypt>x</Encrypt></xml>',
    "<xml><Encrypt>&undeclared;</Encrypt></xml>",
    '<?php system("id") ?><xml><Encrypt>x</Encrypt></xml>',
)
"""Every form of a declaration an XML parser can be hurt with; 100 % of them must be refused."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One request: query parameters and a body. ``declared``: it holds a DTD, an entity or an instruction."""

    kind: str
    query: dict[str, str]
    body: bytes
    declared: bool = False


def genuine(message: str = MESSAGE) -> Envelope:
    return CIPHER.seal(message.encode(), timestamp=NOW, nonce="1372623149", agentid=SALES.agentid)


def honest(shot: Shot) -> bool:
    """The oracle: an independent peer's opinion whether the query signs what the body carries, for our company."""
    start, end = shot.body.find(b"<Encrypt>"), shot.body.find(b"</Encrypt>")
    if start < 0 or end < 0:
        return False
    inner = shot.body[start + len(b"<Encrypt>") : end]
    encrypt = inner.removeprefix(b"<![CDATA[").removesuffix(b"]]>").decode("latin-1").strip()
    query = shot.query
    if (
        query.get("msg_signature") != sign(SALES.token, query.get("timestamp", ""), query.get("nonce", ""), encrypt)
        or not query.get("timestamp", "").isdigit()
    ):
        return False
    if abs(int(query["timestamp"]) - NOW) > 600:
        return False
    try:
        CIPHER.decrypt(encrypt)
    except EnvelopeError:
        return False
    return True


def _plain(envelope: Envelope, kind: str, **changed: str) -> Shot:
    return Shot(kind=kind, query={**envelope.query(), **changed}, body=envelope.body())


def _noise(rng: random.Random) -> Shot:
    query = {name: _word(rng) for name in ("msg_signature", "timestamp", "nonce", "echostr") if rng.random() < 0.8}
    return Shot(kind="noise", query=query, body=rng.randbytes(rng.randrange(600)))


def _query(rng: random.Random) -> Shot:
    envelope = genuine()
    name = rng.choice(["msg_signature", "timestamp", "nonce"])
    query = envelope.query()
    old = query[name]
    at = rng.randrange(len(old))
    query[name] = rng.choice([old[:at] + rng.choice(string.printable) + old[at + 1 :], old[:at], old * 2, _word(rng)])
    return Shot(kind="query", query=query, body=envelope.body())


def _bytes(rng: random.Random) -> Shot:
    envelope = genuine(rng.choice([MESSAGE, PRESS]))
    body = bytearray(envelope.body())
    for _ in range(rng.randrange(1, 6)):
        _damage(rng, body)
    return Shot(kind="xml bytes", query=envelope.query(), body=bytes(body))


def _cipher(rng: random.Random) -> Shot:
    """Damaged ciphertext, yet signed with our own token: only the cipher stands between it and the inbox."""
    cipher = bytearray(base64.b64decode(genuine().encrypt))
    for _ in range(rng.randrange(1, 4)):
        _damage(rng, cipher)
    encrypt = base64.b64encode(cipher).decode()
    return _signed(rng, encrypt, "cipher, signed")


def _base64(rng: random.Random) -> Shot:
    encrypt = bytearray(genuine().encrypt.encode())
    _damage(rng, encrypt)
    text = "".join(c for c in encrypt.decode("latin-1") if c.isascii() and c.isprintable() and c not in "<&]")
    return _signed(rng, text or "A", "base64, signed")


def _inside(rng: random.Random) -> Shot:
    """A genuine envelope around a damaged message: WeCom sends none, but a parser must not fall over it."""
    message = bytearray(rng.choice([MESSAGE, PRESS]).encode())
    for _ in range(rng.randrange(1, 5)):
        _damage(rng, message)
    envelope = CIPHER.seal(bytes(message), timestamp=NOW, nonce=_word(rng), agentid=SALES.agentid)
    return _plain(envelope, "inside, sealed")


def _fields(rng: random.Random) -> Shot:
    """Well formed, with fields nobody expects."""
    names = ("FromUserName", "CreateTime", "MsgType", "Event", "EventKey", "TaskId", "Content", "MsgId", "MediaId",
             "SelectedItems", "ScanCodeInfo", "SendLocationInfo")  # fmt: skip
    values = ("", "text", "event", "image", "template_card_event", "scancode_push", str(NOW), "-1", "9" * 30, "0",
              "٣", "<a><b>1</b></a>", "<a/><a/>", "]]&gt;", "x" * 3000, "\ufffe", "😀")  # fmt: skip
    inner = "".join(f"<{n}>{rng.choice(values)}</{n}>" for n in rng.choices(names, k=rng.randrange(1, 14)))
    envelope = CIPHER.seal(f"<xml>{inner}</xml>".encode(), timestamp=NOW, nonce="5", agentid=SALES.agentid)
    return _plain(envelope, "fields, sealed")


def _stranger(rng: random.Random) -> Shot:
    """Everything right but the secret."""
    envelope = STRANGER.seal(MESSAGE.encode(), timestamp=NOW, nonce=_word(rng), agentid=SALES.agentid)
    return _plain(envelope, "another's secret")


def _broken(rng: random.Random) -> Shot:
    breakage = rng.choice(list(Breakage))
    envelope = CIPHER.seal(MESSAGE.encode(), timestamp=NOW, nonce="9", agentid=SALES.agentid, breakage=breakage)
    return replace(_plain(envelope, "known breakages"), declared=breakage is Breakage.DTD)


def _declared(rng: random.Random) -> Shot:
    """A declaration outside or inside; the inside one is sealed by our own key."""
    text = rng.choice(DECLARED)
    if rng.random() < 0.5:
        return Shot(kind="declaration", query=genuine().query(), body=text.encode(), declared=True)
    envelope = CIPHER.seal(text.encode(), timestamp=NOW, nonce="5", agentid=SALES.agentid)
    return replace(_plain(envelope, "declaration, sealed"), declared=True)


def _stale(rng: random.Random) -> Shot:
    at = NOW + rng.choice([-1, 1]) * rng.randrange(601, 10**7)
    envelope = CIPHER.seal(MESSAGE.encode(), timestamp=at, nonce="5", agentid=SALES.agentid)
    return _plain(envelope, "replayed late")


KINDS: tuple[Callable[[random.Random], Shot], ...] = (
    _noise, _query, _bytes, _cipher, _base64, _inside, _fields, _stranger, _broken, _declared, _stale,
)  # fmt: skip


def shot(rng: random.Random) -> Shot:
    """The next hostile request of this seed."""
    return rng.choice(KINDS)(rng)


def _signed(rng: random.Random, encrypt: str, kind: str) -> Shot:
    nonce = _word(rng)
    query = {"msg_signature": sign(SALES.token, str(NOW), nonce, encrypt), "timestamp": str(NOW), "nonce": nonce}
    return Shot(kind=kind, query=query, body=f"<xml><Encrypt>{encrypt}</Encrypt></xml>".encode())


def _word(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_letters + string.digits + "-._~+/=", k=rng.randrange(1, 24)))


def _damage(rng: random.Random, data: bytearray) -> None:
    """One bit, byte, cut, repetition or insertion."""
    if not data:
        data += rng.randbytes(3)
        return
    at = rng.randrange(len(data))
    match rng.randrange(5):
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            data[at] = rng.randrange(256)
        case 2:
            del data[at : at + rng.randrange(1, 40)]
        case 3:
            data[at:at] = data[at : at + rng.randrange(1, 40)]
        case _:
            data[at:at] = rng.randbytes(rng.randrange(1, 12))


damage = _damage
