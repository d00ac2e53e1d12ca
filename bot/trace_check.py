"""The trace is sealed every ten minutes and checked: new entries at once, all of it in a slow sweep (F013, R16)."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog

from core.anchoring import Anchor, StoredLink, broken_links, holds, read_anchor, seal, wanted_heads
from core.clock import Clock
from core.ports import Database

log = structlog.get_logger()

PAGE = 5_000
"""Entries read and checked at a time."""
SEALED_AT_MOST = 20_000
"""Entries under one seal; a busier time gets several."""
SETTLED_AFTER = timedelta(seconds=60)
"""Entries older than this have no younger neighbours with lower ids still to come."""


@dataclass(kw_only=True)
class Verdict:
    """What a check of the whole trace found."""

    links: int = 0
    unsealed: int = 0
    """Entries since the last seal: the end of a chain could still be taken away unseen among them."""
    broken: list[StoredLink] = field(default_factory=list)
    anchors: int = 0
    broken_anchors: list[Anchor] = field(default_factory=list)
    """Seals that the rows below them do not fit."""
    foreign_anchors: list[str] = field(default_factory=list)
    """Lines of the file outside that the database contradicts, or that are none."""

    @property
    def whole(self) -> bool:
        return not (self.broken or self.broken_anchors or self.foreign_anchors)


async def verify(database: Database, anchor_file: Path | None = None) -> Verdict:
    """Every entry, every seal, and the file outside the database."""
    verdict = Verdict()
    async with database.reading() as tx:
        anchors = await tx.audits.anchors()
    verdict.anchors = len(anchors)
    before: Anchor | None = None
    for anchor in anchors:
        async with database.reading() as tx:
            after = before.upto if before else 0
            links = await tx.audits.links(after=after, upto=anchor.upto, limit=SEALED_AT_MOST + 1)
        if not await asyncio.to_thread(holds, anchor, before, links):
            verdict.broken_anchors.append(anchor)
        before = anchor
    after = 0
    while links := await _page(database, after, verdict):
        after = links[-1].id
        verdict.unsealed += sum(link.id > (before.upto if before else 0) for link in links)
    if anchor_file is not None:
        verdict.foreign_anchors = await asyncio.to_thread(_foreign, anchors, anchor_file)
    return verdict


async def _page(database: Database, after: int, verdict: Verdict) -> list[StoredLink]:
    async with database.reading() as tx:
        links = await tx.audits.links(after=after, limit=PAGE)
        heads = await tx.audits.heads(wanted_heads(links))
    verdict.links += len(links)
    verdict.broken += await asyncio.to_thread(broken_links, links, heads)
    return links


def _foreign(anchors: Sequence[Anchor], kept: Path) -> list[str]:
    if not kept.is_file():
        return []
    known = set(anchors)
    found = []
    for line in kept.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if line.strip() and read_anchor(line) not in known:
                found.append(line)
        except ValueError:
            found.append(line)
    return found


class SealUnwritten(Exception):
    """The seal is in the database, and not in the file outside."""


class TraceWatch:
    """What the auditor does about the trace on each of its rounds."""

    def __init__(
        self, database: Database, clock: Clock, *, anchor_file: Path, every: timedelta = timedelta(minutes=10)
    ) -> None:
        self._database = database
        self._clock = clock
        self._file = anchor_file
        self._every = every
        self._new: int | None = None
        self._swept = 0
        self._last_seal: Anchor | None = None
        self._unwritten: list[Anchor] = []
        self.broken: dict[int, str] = {}
        """Entries found broken, by id: what was altered stays altered."""
        self.broken_anchors: dict[int, str] = {}

    async def look(self) -> None:
        """The entries since the last round, one page of the sweep, and one seal."""
        await self._look_at_new()
        self._swept = await self._look_after(self._swept, PAGE)
        await self._look_at_seal()

    async def _look_at_new(self) -> None:
        if self._new is None:
            async with self._database.reading() as tx:
                last = await tx.audits.last_anchor()
            self._new = last.upto if last else 0
        after = self._new
        while True:
            async with self._database.reading() as tx:
                links = await tx.audits.links(after=after, limit=PAGE)
                heads = await tx.audits.heads(wanted_heads(links))
            await self._check(links, heads)
            settled = self._clock.now() - SETTLED_AFTER
            for link in links:
                if link.entry is not None and link.entry.at > settled:
                    break
                self._new = link.id
            if len(links) < PAGE:
                return
            after = links[-1].id

    async def _look_after(self, after: int, limit: int) -> int:
        async with self._database.reading() as tx:
            links = await tx.audits.links(after=after, limit=limit)
            heads = await tx.audits.heads(wanted_heads(links))
        await self._check(links, heads)
        return links[-1].id if len(links) == limit else 0

    async def _check(self, links: Sequence[StoredLink], heads: dict[tuple[str, int], str]) -> None:
        for link in await asyncio.to_thread(broken_links, links, heads):
            if link.id not in self.broken:
                log.error("trace broken", entry=link.id, ref=link.ref, seq=link.seq)
            self.broken[link.id] = f"{link.ref} #{link.seq}"

    async def _look_at_seal(self) -> None:
        """One seal per round, from the oldest to the newest and again."""
        before = self._last_seal
        async with self._database.reading() as tx:
            after = before.upto if before else 0
            anchor = next(iter(await tx.audits.anchors(after=after, limit=1)), None)
            self._last_seal = anchor
            if anchor is None:
                return
            links = await tx.audits.links(after=after, upto=anchor.upto, limit=SEALED_AT_MOST + 1)
        if not await asyncio.to_thread(holds, anchor, before, links):
            if anchor.upto not in self.broken_anchors:
                log.error("seal broken", upto=anchor.upto, at=anchor.at.isoformat())
            self.broken_anchors[anchor.upto] = f"{anchor.at.isoformat(timespec='seconds')} upto {anchor.upto}"

    async def seal_if_due(self) -> list[Anchor]:
        """New seals, when the last one is ten minutes old and something has happened since; written outside too.

        Raises SealUnwritten when the file can't be; the seals are in the database then, and follow as soon as it can.
        """
        made = await self._seals()
        self._unwritten += made
        if self._unwritten:
            try:
                await asyncio.to_thread(_append, self._file, self._unwritten)
            except OSError as error:
                raise SealUnwritten(str(error)) from error
            self._unwritten = []
        return made

    async def _seals(self) -> list[Anchor]:
        async with self._database.reading() as tx:
            last = await tx.audits.last_anchor()
        if last is not None and self._clock.now() - last.at < self._every:
            return []
        async with self._database.transaction() as tx:
            upto = await tx.audits.settled()
        made = []
        while (anchor := await self._seal(upto)) is not None:
            made.append(anchor)
        return made

    async def _seal(self, upto: int) -> Anchor | None:
        """One seal; None when there is nothing left to seal, or another replica has just done it."""
        async with self._database.transaction() as tx:
            before = await tx.audits.last_anchor(alone=True)
            after = before.upto if before else 0
            links = await tx.audits.links(after=after, upto=upto, limit=SEALED_AT_MOST)
            if not links:
                return None
            anchor = seal(before, links, at=self._clock.now(), upto=links[-1].id)
            await tx.audits.add_anchor(anchor)
        log.info("trace sealed", upto=anchor.upto, links=anchor.links)
        return anchor


def _append(path: Path, anchors: Sequence[Anchor]) -> None:
    """All of them, on the disk when it returns, or none: half a line would look like a forged one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{anchor.line}\n" for anchor in anchors).encode()
    with path.open("ab", buffering=0) as kept:
        before = kept.seek(0, os.SEEK_END)
        written = 0
        try:
            written = kept.write(lines)
            os.fsync(kept.fileno())
        finally:
            if written < len(lines):
                kept.truncate(before)
    if written < len(lines):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
