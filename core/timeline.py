"""The unalterable trace of every order: a hash chain per subject (F013)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64


@dataclass(kw_only=True)
class TimelineEntry:
    """Who did what, when, over which channel. ``ref`` is the subject (order number, wave number, lot)."""

    ref: str
    seq: int
    action: str
    """``order.submitted``, ``approval.decided``, ``pick.short`` …; texts.timeline gives it words."""
    actor: str
    """Person id, or ``system``."""
    actor_name: str
    channel: str
    """wecom, dingtalk, system."""
    evidence: str = "B"
    """Grade: A = page with IP and device, B = chat account + message id (rule 3 of the features)."""
    details: dict[str, Any] = field(default_factory=dict)
    at: datetime
    prev_hash: str
    hash: str
    id: int | None = None

    def hash_after(self, prev_hash: str) -> str:
        """What its hash must be at this place of the chain."""
        return entry_hash(
            ref=self.ref,
            seq=self.seq,
            action=self.action,
            actor=self.actor,
            actor_name=self.actor_name,
            channel=self.channel,
            evidence=self.evidence,
            details=self.details,
            at=self.at,
            prev_hash=prev_hash,
        )


def entry_hash(
    *,
    ref: str,
    seq: int,
    action: str,
    actor: str,
    actor_name: str,
    channel: str,
    evidence: str,
    details: dict[str, Any],
    at: datetime,
    prev_hash: str,
) -> str:
    """SHA-256 over the previous hash and the canonical JSON of the entry (times in UTC microseconds)."""
    body = json.dumps(
        [
            ref,
            seq,
            action,
            actor,
            actor_name,
            channel,
            evidence,
            details,
            at.astimezone(UTC).isoformat(timespec="microseconds"),
        ],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256((prev_hash + body).encode()).hexdigest()


def first_broken(entries: Sequence[TimelineEntry]) -> TimelineEntry | None:
    """The first entry of one subject (in order of ``seq``) whose link does not hold; None when all do."""
    prev = GENESIS
    for expected, entry in enumerate(entries, start=1):
        if entry.seq != expected or entry.prev_hash != prev or entry.hash != entry.hash_after(prev):
            return entry
        prev = entry.hash
    return None
