"""What a file would change, before it changes anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.masters.columns import RowKey
from bot.masters.master_set import MasterSet
from bot.masters.sheets import TABLES


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something in the file that is not taken. ``row`` is the row number in the file, 0 = the sheet or its
    headers."""

    sheet: str
    row: int
    column: str
    value: str
    reason: str
    suggestion: str = ""

    def __str__(self) -> str:
        """One line for the console: ``物料 第2行 物料号 “4465”:…;建议:…``."""
        where = " ".join(word for word in (self.sheet, f"第{self.row}行" if self.row else "", self.column) if word)
        value = f" “{self.value}”" if self.value else ""
        return f"{where}{value}:{self.reason}" + (f";建议:{self.suggestion}" if self.suggestion else "")


@dataclass(frozen=True, kw_only=True)
class ImportRow:
    """A usable row: the values of the columns that the file has."""

    number: int
    key: RowKey
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ImportPlan:
    """The dry run of a file: usable rows by table key, and the problems of all others."""

    filename: str
    rows: Mapping[str, tuple[ImportRow, ...]]
    problems: tuple[Problem, ...]

    @property
    def usable(self) -> int:
        """Rows that can be imported."""
        return sum(len(rows) for rows in self.rows.values())

    @property
    def faulty(self) -> int:
        """Rows that cannot, each counted once."""
        return len({(p.sheet, p.row) for p in self.problems if p.row})

    @property
    def summary(self) -> str:
        """``1,204 行可用,13 行有误``; sheets and headers that were not taken are counted apart."""
        unread = sum(1 for p in self.problems if p.row == 0)
        return f"{self.usable:,} 行可用,{self.faulty:,} 行有误" + (f",{unread} 处表头问题" if unread else "")

    @property
    def clean(self) -> bool:
        """Nothing in the file was refused."""
        return not self.problems


@dataclass(frozen=True, kw_only=True)
class OnFile:
    """The masters an import is compared with: values by table key and natural key."""

    values: Mapping[str, Mapping[RowKey, Mapping[str, Any]]] = field(
        default_factory=lambda: {table.key: {} for table in TABLES}
    )
    held: Mapping[RowKey, int] = field(default_factory=dict)
    """Pieces of a lot that orders hold."""

    @classmethod
    def of(cls, masters: MasterSet) -> OnFile:
        """Index a set of masters."""
        values: dict[str, dict[RowKey, dict[str, Any]]] = {}
        for table in TABLES:
            rows = (table.values_of(entity) for entity in table.rows_of(masters))
            values[table.key] = {table.row_key(row): row for row in rows}
        held = {(lot.warehouse, lot.lot_no, lot.part_number, lot.bin): lot.allocated for lot in masters.lots}
        return cls(values=values, held=held)
