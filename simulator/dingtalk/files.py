"""Bytes that travel beside the messages: what people sent (download codes) and what the bot uploaded."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.world import Clock


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    data: bytes
    filename: str
    content_type: str


class Files:
    """Two shelves: inbound files by download code, uploaded media by media id."""

    def __init__(self, clock: Clock, *, link_life: float) -> None:
        self._clock = clock
        self._link_life = timedelta(seconds=link_life)
        self._inbound: dict[str, StoredFile] = {}
        self._links: dict[str, tuple[str, datetime]] = {}
        self._media: dict[str, StoredFile] = {}

    def keep_inbound(self, file: StoredFile) -> str:
        """Returns the download code that the message carries."""
        code = secrets.token_urlsafe(32)
        self._inbound[code] = file
        return code

    def link(self, code: str) -> str:
        """A one-purpose key for the download address. Raises LookupError for an unknown code."""
        if code not in self._inbound:
            raise LookupError("unknown download code")
        key = secrets.token_urlsafe(24)
        self._links[key] = (code, self._clock.now() + self._link_life)
        return key

    def follow(self, key: str) -> StoredFile | None:
        """The file behind a download address, None when it never existed or has expired."""
        code, until = self._links.get(key, ("", self._clock.now()))
        return self._inbound.get(code) if self._clock.now() < until else None

    def keep_media(self, file: StoredFile) -> str:
        """Returns the media id, which starts with ``@`` [wire 5.3]."""
        media_id = "@lAL" + secrets.token_urlsafe(20)
        self._media[media_id] = file
        return media_id

    def media(self, media_id: str) -> StoredFile | None:
        return self._media.get(media_id)
