"""Seals over the trace: what one chain alone cannot show, a seal does (R16, reliability section 8).

A hash chain tells that an entry was changed or moved, but not that its last entry, or all of it, was taken away.
Every ten minutes the entries since the last seal are put under a Merkle root that also covers the seal before. The
root is stored, and written to a file outside the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.timeline import GENESIS, TimelineEntry


@dataclass(frozen=True, kw_only=True)
class StoredLink:
    """An entry as it stands in its row. ``entry`` is None when the row can't have been written by the desk."""

    id: int
    ref: str
    seq: int
    prev_hash: str
    hash: str
    entry: TimelineEntry | None


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A seal over the ``links`` entries with ids up to ``upto`` that the seal before did not cover."""

    at: datetime
    upto: int
    links: int
    root: str

    @property
    def line(self) -> str:
        """The seal in the file outside the database: one JSON object per line."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return json.dumps({"at": at, "upto": self.upto, "links": self.links, "root": self.root})


def read_anchor(line: str) -> Anchor:
    """Raises ValueError for a line that is none."""
    try:
        row = json.loads(line)
        return Anchor(
            at=datetime.fromisoformat(row["at"]), upto=int(row["upto"]), links=int(row["links"]), root=str(row["root"])
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an anchor: {line[:80]!r}") from error


def seal(before: Anchor | None, links: Sequence[StoredLink], *, at: datetime, upto: int) -> Anchor:
    """The next seal."""
    previous = before.root if before else GENESIS
    root = hashlib.sha256(f"{previous}|{upto}|{len(links)}|{merkle_root(map(_leaf, links)).hex()}".encode()).hexdigest()
    return Anchor(at=at, upto=upto, links=len(links), root=root)


def holds(anchor: Anchor, before: Anchor | None, links: Sequence[StoredLink]) -> bool:
    """Whether these entries are those that were sealed."""
    return seal(before, links, at=anchor.at, upto=anchor.upto) == anchor


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """Pairs are hashed level by level; an odd one goes up as it is. Leaves and nodes can't be mistaken (RFC 6962)."""
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    if not level:
        return hashlib.sha256(b"").digest()
    while len(level) > 1:
        level = [
            hashlib.sha256(b"\1" + level[n] + level[n + 1]).digest() if n + 1 < len(level) else level[n]
            for n in range(0, len(level), 2)
        ]
    return level[0]


def _leaf(link: StoredLink) -> bytes:
    return json.dumps([link.id, link.ref, link.seq, link.hash]).encode()


Place = tuple[str, int]
"""Subject and place in its chain."""


def wanted_heads(links: Sequence[StoredLink]) -> list[Place]:
    """The places whose hashes ``broken_links`` needs: those before the first entry of each subject."""
    first: dict[str, int] = {}
    for link in links:
        first.setdefault(link.ref, link.seq)
    return [(ref, seq - 1) for ref, seq in first.items() if seq > 1]


def broken_links(links: Sequence[StoredLink], heads: Mapping[Place, str]) -> list[StoredLink]:
    """Those of a stretch of the trace, in order of ids, whose link does not hold.

    After a broken one the walk goes on from what its row says, so that one change is one finding.
    """
    at: dict[str, tuple[int, str]] = {}
    broken = []
    for link in links:
        if link.ref in at:
            seq, prev = at[link.ref]
        else:
            seq = link.seq - 1
            prev = GENESIS if seq == 0 else heads.get((link.ref, seq), "")
        if not link_holds(link, seq=seq + 1, prev_hash=prev):
            broken.append(link)
        at[link.ref] = (link.seq, link.hash)
    return broken


def link_holds(link: StoredLink, *, seq: int, prev_hash: str) -> bool:
    """Whether the entry is the one that was written at this place after that hash."""
    entry = link.entry
    if entry is None or link.seq != seq or link.prev_hash != prev_hash:
        return False
    try:
        computed = entry.hash_after(prev_hash)
    except (UnicodeEncodeError, OverflowError):
        return False
    return link.hash == computed
