"""Why a picture or file is not read. The sentence for people is chosen by the reason, in the texts
catalogue."""

from __future__ import annotations

from enum import StrEnum

from core.errors import PictureRefused


class RefusalReason(StrEnum):
    """Why it was refused; the value is the key of the sentence people get."""

    EMPTY = "empty"  # zero bytes (F025)
    UNKNOWN_KIND = "unknown_kind"  # magic bytes are of nothing we read
    TOO_MANY_BYTES = "too_many_bytes"  # over the cap of its kind
    TOO_MANY_PIXELS = "too_many_pixels"  # a pixel bomb, or a scan nobody needs this large
    TOO_MANY_PAGES = "too_many_pages"  # over 20 pages (F028)
    TOO_MANY_ROWS = "too_many_rows"  # over 20,000 rows
    BROKEN = "broken"  # truncated or not decodable
    BOMB = "bomb"  # unpacks to far more than it weighs, or plays entity tricks
    PASSWORD = "password"  # noqa: S105  a locked file: ask for an unlocked one (F028)
    OLD_FORMAT = "old_format"  # .xls / .doc: ask for .xlsx or PDF
    NO_SHEET = "no_sheet"  # nothing but hidden or empty sheets
    TOO_SLOW = "too_slow"  # the reader was stopped at its time limit
    READER_FAILED = "reader_failed"  # the reading process died twice on it


class FileRefused(PictureRefused):
    """The picture or file is not read; `reason` says why, `detail` is for the log only.

    Its sentence is `file_refused(reason)` of the texts catalogue.
    """

    def __init__(self, reason: RefusalReason, detail: str = "") -> None:
        super().__init__("file_refused", reason=reason.value)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value
