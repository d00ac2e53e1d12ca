"""The platform's numbers, and those of its habits that a test or the demo may want to change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Literal

CHINA = timezone(timedelta(hours=8))
"""Monthly quotas and once-a-day rules follow the calendar of China."""

TICKET_LIFE = 90
"""Seconds in which a stream ticket can be used, once [wire 1.1]."""
TOKEN_LIFE = 7200
"""Seconds [wire 7.1]."""
WEBHOOK_LIFE = 5400
"""Seconds a sessionWebhook answers after its message [wire 3]."""
WEBHOOK_PER_MINUTE = 20
"""Replies per conversation and minute; the next one meets 130101 [wire 5.1]."""
BATCH_USERS = 20
"""People per oToMessages/batchSend [wire 5.2]."""
MSG_PARAM_BYTES = 15_000
"""msgParam of a robot send, UTF-8 bytes [wire 5.2: published for groups, assumed for single chats]."""
CARD_KEY_BYTES = 100
CARD_VALUE_BYTES = 1024
"""cardParamMap key and value, UTF-8 bytes [wire 6.2]."""
RECALL_LIFE = 24 * 3600
"""Seconds in which a robot message can be recalled or asked about [wire 5.2]."""
MEDIA_BYTES = 20 * 1024 * 1024
VOICE_BYTES = 2 * 1024 * 1024
"""media/upload sizes [wire 5.3]."""
MEDIA_TYPES: dict[str, tuple[int, tuple[str, ...]]] = {
    "image": (MEDIA_BYTES, ("jpg", "jpeg", "gif", "png", "bmp")),
    "voice": (VOICE_BYTES, ("amr", "mp3", "wav")),
    "video": (MEDIA_BYTES, ("mp4",)),
    "file": (MEDIA_BYTES, ("doc", "docx", "xls", "xlsx", "ppt", "pptx", "pdf", "zip", "rar")),
}
WORK_NOTICE_BYTES = 2048
WORK_NOTICE_USERS = 100
WORK_NOTICE_PER_DAY = 500
"""asyncsend_v2: bytes of msg, people per call, notices per person and day [wire 5.5]."""
DING_APP_USERS = 200
DING_PHONE_USERS = 20
"""robot/ding/send: people for an app DING; for SMS and phone [wire 8.3]."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What varies between editions, or is not published and therefore can be set (times in seconds).

    ``ping_every``, ``ping_grace``, ``disconnect_grace``, ``click_timeout``, ``ack_patience`` and
    ``slow_seconds`` are times of the wire and run on the pace clock; everything else runs on the clock of
    the simulated world.
    """

    ping_every: float = 20.0
    ping_grace: float = 10.0
    disconnect_grace: float = 10.0
    click_timeout: float = 2.0
    ack_patience: float = 3.0
    """How long an act on a phone waits for the ack of its frame before it leaves the rest to redelivery."""
    slow_seconds: float = 4.0
    redelivery_after: float = 60.0
    redelivery_tries: int = 3
    lose_when_offline: bool = False
    """A message sent while no connection is up never comes, instead of being tried again later [wire 1.4]."""
    api_qps: int = 20
    monthly_api_calls: int = 200_000
    monthly_stream: int = 50_000
    """专业版, configuration A [wire 7.3]."""
    download_life: float = 3600.0
    """Life of a downloadUrl: not published, assumed."""
    duplicate_card: Literal["error", "ignored"] = "error"
    """A second create with a known outTrackId: which of the two happens is not known [wire 6.2]."""
    accept_then: Literal["504", "abort"] = "504"
    """How a send that was carried out fails to be answered under the fault ``accept_then_abort``."""
    ding_edition: bool = False
    """DING exists on paid editions only [wire 8.3]."""
    seed: int | None = None
    """Makes the choice among several connections repeatable."""
