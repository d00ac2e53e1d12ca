"""Media: what may be uploaded, how long it lives, and the permanent pictures of uploadimg [90253-90256]."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.wecom.errors import ApiError, defect
from simulator.world import Clock, WireLog

LIFE = timedelta(days=3)
MB = 1024 * 1024
SMALLEST = 6
"""Every file must be larger than 5 bytes."""

LARGEST = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "file": 20 * MB}
UPLOADIMG_LARGEST = 2 * MB
RANGE_LARGEST = 20 * MB
"""media/get without Range, or a Range of more than this, is refused with 830002."""

PERCENT_ENCODED = re.compile(r"filename\*|filename=\"?[^\";]*%[0-9A-Fa-f]{2}")


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    media_id: str
    type: str
    filename: str
    data: bytes
    created: datetime

    @property
    def content_type(self) -> str:
        return _kind(self.data)[1]


class MediaStore:
    """Temporary media of the corp, shared by its apps; each is gone after three days."""

    def __init__(self, clock: Clock, wire: WireLog) -> None:
        self._clock = clock
        self._wire = wire
        self._files: dict[str, MediaFile] = {}
        self._pictures: dict[str, bytes] = {}

    def upload(self, type_: str, filename: str, data: bytes, disposition: str) -> MediaFile:
        """Keep what the app uploads.

        Raises:
            ApiError: 40004 type or content not allowed; 44001 not above 5 bytes; 45001 too large.
        """
        if type_ not in LARGEST:
            raise defect(40004, f"type {type_!r}")
        if PERCENT_ENCODED.search(disposition):
            self._wire.violation("wecom", f"media/upload: recipients see an escaped file name: {disposition}")
        _check(data, LARGEST[type_])
        allowed = {"image": {"jpg", "png"}, "voice": {"amr"}, "video": {"mp4"}}.get(type_)
        if allowed is not None and _kind(data)[0] not in allowed:
            raise defect(40004, f"{type_} must be one of {sorted(allowed)}")
        return self.keep(type_, filename, data)

    def keep(self, type_: str, filename: str, data: bytes) -> MediaFile:
        """Store bytes without the upload rules: what members send from their phones."""
        file = MediaFile(
            media_id=f"M{secrets.token_urlsafe(32)}",
            type=type_,
            filename=filename,
            data=data,
            created=self._clock.now(),
        )
        self._files[file.media_id] = file
        return file

    def get(self, media_id: str) -> MediaFile:
        """Raises ApiError 40007 for an unknown medium and for one older than three days."""
        file = self._files.get(media_id)
        if file is None or file.created + LIFE <= self._clock.now():
            raise ApiError(40007, media_id)
        return file

    def keep_picture(self, data: bytes) -> str:
        """uploadimg: a permanent picture; returns the last part of its URL."""
        _check(data, UPLOADIMG_LARGEST)
        if _kind(data)[0] not in {"jpg", "png"}:
            raise defect(40004, "uploadimg takes JPG and PNG")
        name = secrets.token_hex(16)
        self._pictures[name] = data
        return name

    def picture(self, name: str) -> bytes | None:
        return self._pictures.get(name)


def _check(data: bytes, largest: int) -> None:
    if len(data) < SMALLEST:
        raise defect(44001, f"{len(data)} bytes")
    if len(data) > largest:
        raise defect(45001, f"{len(data)} bytes, at most {largest}")


def _kind(data: bytes) -> tuple[str, str]:
    """What the first bytes say: (short name, content type)."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg", "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png", "image/png"
    if data.startswith(b"#!AMR"):
        return "amr", "voice/amr"
    if data[4:8] == b"ftyp":
        return "mp4", "video/mp4"
    return "", "application/octet-stream"
