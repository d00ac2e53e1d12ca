"""What the long connection must know about its bot and about its own patience [101463]."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

AIBOT_URL = "wss://openws.work.weixin.qq.com"
MEDIA_HOSTS = ("ww-aibot-img-1258476243.cos.*.myqcloud.com",)
"""WeCom's own bucket, as the page on received messages shows it [100719]. Other buckets of that cloud belong to
anybody. Its addresses are not checked to be public: inside that cloud they resolve to a link-local one."""


@dataclass(frozen=True, kw_only=True)
class AibotSettings:
    """One bot. All times are real seconds: moving the demo's clock breaks no connection."""

    bot_id: str
    secret: str = field(repr=False)
    url: str = AIBOT_URL
    media_hosts: tuple[str, ...] = MEDIA_HOSTS
    """Patterns of the hosts that pictures and files may come from."""
    ping_every: float = 30.0
    watchdog: float = 60.0
    """Without any frame for so long, answers to pings included, the connection is half dead."""
    open_timeout: float = 10.0
    answer_timeout: float = 5.0
    """From a frame of ours to its acknowledgement."""
    backoff_first: float = 1.0
    backoff_most: float = 60.0
    stable_after: float = 60.0
    """Only a connection that lived so long makes the next backoff start from the beginning."""
    refused_wait: float = 60.0
    """After a refused id or secret: subscribing is rate-protected."""
    taken_over_wait: float = 1800.0
    """A foreign connection took the bot over: the administrators are told, and it is left alone for so long."""
    welcome_limit: float = 4.0
    """From enter_chat to the greeting; WeCom gives 5 s."""
    store_patience: float = 60.0
    """A message is not sent again by WeCom: so long it is tried to be stored before its sender is asked to."""
    in_flight: int = 64
    """Messages being stored at once; reading pauses beyond."""
    stop_grace: float = 3.0
    """What has come may still take so long to be stored when the connection is given up."""
    media_timeout: float = 60.0
    shelf: Path | None = None
    """Folder for what is fetched ahead; without one everything is fetched when it is worked on."""
    max_file: int = 20 * 1024 * 1024
    """Bytes of one picture or file (F025)."""

    @property
    def local(self) -> bool:
        """The configured platform lives on this machine (simulator): plain http downloads from it are allowed."""
        return is_loopback(urlsplit(self.url).hostname or "")

    def may_fetch(self, url: str) -> bool:
        """https from one of the pinned hosts; plain http from loopback only while the platform itself is there."""
        parts = urlsplit(url)
        host = (parts.hostname or "").casefold()
        if self.local and is_loopback(host) and parts.scheme in {"http", "https"}:
            return True
        pinned = any(fnmatchcase(host, pattern.casefold()) for pattern in self.media_hosts)
        return parts.scheme == "https" and not parts.username and pinned


def is_loopback(host: str) -> bool:
    """``localhost``, 127.0.0.0/8, ::1."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
