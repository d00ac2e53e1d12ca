"""What can be wrong with a backup, and the sentence an operator reads about it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.backup.archive import BackupFailed

SAID = {
    "seal": "封签不符:备份文件与写下时不一样,至少有一个字节被改动或缺失",
    "unreadable": "备份文件读不出来({of})",
    "no_manifest": "备份文件里没有清单",
    "bad_manifest": "备份文件里的清单读不出来",
    "foreign": "这不是本版本接单的备份",
    "part_missing": "备份文件里缺少 {of}",
    "part_damaged": "{of} 已损坏",
    "part_unknown": "{of} 在备份文件里,却不在清单上",
    "attachment_missing": "备份时就缺附件 {of}",
    "file_damaged": "备份时附件 {of} 就已损坏",
    "chain": "追溯链断在 {of}",
    "no_server": "PostgreSQL 的备份要在 PostgreSQL 服务器上演练,请在配置里设 database_url",
    "no_scratch": "建不了演练用的临时库({of}),数据库账号需要 CREATEDB 权限",
    "other_engine": "备份和目标库不是同一种数据库({of})",
    "database_unreadable": "备份里的数据库读不出来({of})",
    "integrity": "备份里的数据库没有通过完整性检查({of})",
    "orphans": "备份里有 {of} 行指向不存在的记录",
    "refused": "数据库不接受这份备份({of})",
    "counts": "行数与清单不符({of})",
}
"""Also what ``storage.snapshots.NotRestorable`` names."""


@dataclass(frozen=True)
class Defect:
    """``why`` is a key of SAID, ``of`` what it is about."""

    why: str
    of: str = ""

    def __str__(self) -> str:
        return SAID[self.why].format(of=self.of)


class Unusable(BackupFailed):
    """The archive cannot be restored; nothing was."""

    def __init__(self, *defects: Defect) -> None:
        self.defects = defects
        super().__init__(";".join(map(str, defects)))
