"""Signed and encrypted callbacks as WeCom sends them, whole HTTP requests ready for the wire."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from simulator.wecom import AppCipher

CORP, AGENT = "ww5d3m0c0rp1d2f3a4", 1000002
TOKEN, AES_KEY = "SimulatedCallbackToken", "c2ltdWxhdGVkLWFlcy1rZXktb2YtMzItYnl0ZXMhISE"


def requests(count: int, *, senders: Sequence[tuple[str, str]] = ()) -> list[bytes]:
    """Each has its own message, signature and ciphertext; ``senders`` are userids and whom they order for."""
    cipher = AppCipher(token=TOKEN, aes_key=AES_KEY, receiveid=CORP)
    who = senders or tuple((f"u{n}", "K0231") for n in range(500))
    now = int(time.time())
    made = []
    for n in range(count):
        account, customer = who[n % len(who)]
        message = (
            f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName>"
            f"<FromUserName><![CDATA[{account}]]></FromUserName>"
            f"<CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content><![CDATA[{customer} 04465-0K240 {n % 90 + 1}个, 后天要]]></Content>"
            f"<MsgId>{random.getrandbits(60)}</MsgId><AgentID>{AGENT}</AgentID></xml>"
        )
        sealed = cipher.seal(message.encode(), timestamp=now, nonce=str(n), agentid=AGENT)
        query = urlencode({"msg_signature": sealed.signature, "timestamp": sealed.timestamp, "nonce": sealed.nonce})
        body = sealed.body()
        made.append(
            f"POST /wecom/callback?{query} HTTP/1.1\r\nHost: b\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
    return made
