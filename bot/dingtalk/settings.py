"""What the DingTalk half must know about its app and about its own patience."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

API_BASE = "https://api.dingtalk.com"
OAPI_BASE = "https://oapi.dingtalk.com"
MARKDOWN_BUTTON_TEMPLATE = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"
"""The public template that needs no work in the card editor (wire/dingtalk 6.7)."""


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """How the sockets are kept. All times are real seconds: moving the demo's clock breaks no connection."""

    sockets: int = 2
    """At least two per deployment, so that one reconnect never leaves a gap (wire/dingtalk 1.6)."""
    heartbeat: float = 25.0
    """Between two websocket pings of ours; twice that without a byte from the other side ends the socket."""
    watchdog: float = 60.0
    """A socket whose server used to ping and brought no frame for so long is half dead and replaced."""
    backoff_first: float = 1.0
    backoff_most: float = 60.0
    stable_after: float = 60.0
    """Only a connection that lived so long makes the next backoff start from the beginning."""
    refused_wait: float = 60.0
    """After 401 (wrong client id or secret) the gateway is not asked again sooner."""
    open_timeout: float = 10.0
    press_limit: float = 1.5
    """From the arrival of a press to its ack; the platform gives 2 s."""
    in_flight: int = 64
    """Frames per socket being stored or answered at once; reading pauses beyond."""
    stop_grace: float = 8.0
    """What acks may still take when the process is asked to stop, or a socket is retired."""


@dataclass(frozen=True, kw_only=True)
class DingTalkSettings:
    """One app of one organisation. ``robot_code`` is the client id for internal apps."""

    client_id: str
    client_secret: str = field(repr=False)
    robot_code: str = ""
    api_base: str = API_BASE
    oapi_base: str = OAPI_BASE
    card_template_id: str = MARKDOWN_BUTTON_TEMPLATE
    api_qps: float = 20.0
    """Calls per second and API; up to 60 with the add-on (wire/dingtalk 7.3)."""
    call_timeout: float = 10.0
    media_timeout: float = 60.0
    max_file: int = 20 * 1024 * 1024
    """Bytes of one picture or file, both ways (wire/dingtalk 4, 5.3)."""
    stream: StreamSettings = field(default_factory=StreamSettings)

    @property
    def robot(self) -> str:
        return self.robot_code or self.client_id

    @property
    def local(self) -> bool:
        """The configured platform lives on this machine (simulator): plain http downloads are allowed."""
        return is_loopback(urlsplit(self.api_base).hostname or "")


def is_loopback(host: str) -> bool:
    """``localhost``, 127.0.0.0/8, ::1."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
