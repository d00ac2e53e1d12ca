"""A self-built app as its page in WeCom's admin console shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

API_BASE = "https://qyapi.weixin.qq.com"
CALLBACK_TOKEN = re.compile(r"[0-9A-Za-z]{1,32}")
AES_KEY = re.compile(r"[0-9A-Za-z]{43}")


@dataclass(frozen=True, kw_only=True)
class WeComApp:
    """One app of one corp. Secrets stay out of its text form, so that no log line can carry them.

    Raises ValueError, naming the field, for a value the console could not have shown [90238].
    """

    corpid: str
    agentid: int
    secret: str = field(repr=False)
    token: str = field(repr=False)
    """Callback Token: up to 32 letters and digits."""
    aes_key: str = field(repr=False)
    """EncodingAESKey: exactly 43 letters and digits."""
    base_url: str = API_BASE

    def __post_init__(self) -> None:
        if not self.corpid:
            raise ValueError("corpid is empty")
        if not self.secret:
            raise ValueError("secret is empty")
        if not CALLBACK_TOKEN.fullmatch(self.token):
            raise ValueError("token must be 1 to 32 letters and digits")
        if not AES_KEY.fullmatch(self.aes_key):
            raise ValueError("aes_key must be exactly 43 letters and digits")
        if not self.base_url.startswith(("https://", "http://")):
            raise ValueError("base_url must be an http(s) address")
