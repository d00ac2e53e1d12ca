"""What people sent as bytes: kept once by content, with who and when."""

from __future__ import annotations

from sqlalchemy import select

from core.ports import Attachment
from storage import tables as t
from storage.rows import columns_of
from storage.session import Work


class SqlAttachments:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, attachment: Attachment) -> bool:
        added = await self._work.run(
            self._work.insert(t.attachments)
            .values(columns_of(attachment, t.attachments))
            .on_conflict_do_nothing(index_elements=["sha256"])
            .returning(t.attachments.c.sha256)
        )
        return added.scalar() is not None

    async def get(self, sha256: str) -> Attachment | None:
        row = (await self._work.run(select(t.attachments).where(t.attachments.c.sha256 == sha256))).mappings().first()
        return Attachment(**row) if row else None
