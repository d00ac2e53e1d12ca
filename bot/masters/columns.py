"""How a table of master data is described: its columns, its key, what it refers to, and its rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.masters.kinds import Kind
from bot.masters.master_set import MasterSet

Values = Mapping[str, Any]
"""One row by column key."""
RowKey = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. An absent optional column leaves what is on file; an empty cell means ``default``."""

    header: str
    key: str
    kind: Kind
    required: bool = False
    default: Any = ""
    example: str = ""
    note: str = ""
    also: tuple[str, ...] = ()
    """Other headers that people write over this column."""

    @property
    def title(self) -> str:
        """The header as printed; required ones carry a star."""
        return f"{self.header}*" if self.required else self.header

    def initial(self) -> Any:
        """The default, lists as a list of one's own."""
        return list(self.default) if isinstance(self.default, list | tuple) else self.default


@dataclass(frozen=True, kw_only=True)
class Reference:
    """These columns together name a row of another table; an empty one names nothing."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True, kw_only=True)
class RowFault:
    """A row whose values do not fit each other."""

    column: str
    reason: str
    suggestion: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One master: a sheet in the workbook, a kind of entity in the order store."""

    key: str
    title: str
    columns: tuple[Column, ...]
    identity: tuple[str, ...]
    """Columns of the natural key: a row with a known key changes that row, any other adds one."""
    rows_of: Callable[[MasterSet], tuple[Any, ...]]
    values_of: Callable[[Any], dict[str, Any]]
    build: Callable[[Values], Any]
    references: tuple[Reference, ...] = ()
    faults: Callable[[Values], Iterator[RowFault]] = field(default=lambda values: iter(()))
    also: tuple[str, ...] = ()
    """Other sheet titles."""

    def row_key(self, values: Values) -> RowKey:
        """The natural key of a row."""
        return tuple(values[name] for name in self.identity)

    def column(self, key: str) -> Column:
        """Raises KeyError."""
        return next(column for column in self.columns if column.key == key)

    def defaults(self) -> dict[str, Any]:
        """A new row before anything was filled in."""
        return {column.key: column.initial() for column in self.columns}
