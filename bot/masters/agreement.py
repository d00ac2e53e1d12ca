"""Whether the rows of a file agree with each other and with what is on file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rapidfuzz import process
from rapidfuzz.distance import Indel

from bot.masters.columns import Reference, RowKey, Table, Values
from bot.masters.plan import ImportRow, OnFile, Problem
from core.part_number import normal

_ALIKE = 0.7
_MOST_GUESSES = 200
"""Unknown codes a nearest one is looked for; a file full of them has another trouble."""


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """A row with the name of its sheet: one table may come in several sheets."""

    sheet: str
    row: ImportRow


@dataclass(kw_only=True)
class Agreement:
    """Takes the tables one after the other, what is referred to first, and keeps the rows that agree."""

    on_file: OnFile
    problems: list[Problem] = field(default_factory=list)
    taken: dict[str, dict[RowKey, Values]] = field(default_factory=dict)
    """Merged values of the rows taken so far, by table key."""
    _guesses: int = 0
    _normals: dict[tuple[str, RowKey], dict[object, str]] = field(default_factory=dict)

    def take(self, table: Table, rows: Iterable[SheetRow]) -> tuple[ImportRow, ...]:
        """The rows of one table that can be imported; all others leave a problem.

        In order: a key that comes twice, a code whose leading zeros were lost, values that do not fit each other,
        something that must be unique and is taken, a reference to what is neither on file nor in this file.
        """
        left = self._once(table, rows)
        kept = self.taken.setdefault(table.key, {})
        for key, found in left.items():
            kept[key] = self._merged(table, found.row)
        checks = (self._zeros_lost, self._unfit, self._not_unique, self._held)
        for check in checks:
            for key, problem in list(check(table, left)):
                if key in left:
                    del left[key], kept[key]
                self.problems.append(problem)
        # A row that falls out may be what another row of the same table refers to.
        while dangling := list(self._dangling(table, left)):
            for key, problem in dangling:
                if key in left:
                    del left[key], kept[key]
                self.problems.append(problem)
        return tuple(found.row for found in left.values())

    def _merged(self, table: Table, row: ImportRow) -> Values:
        return {**(self.on_file.values[table.key].get(row.key) or table.defaults()), **row.values}

    def _known(self, table_key: str, key: RowKey) -> bool:
        return key in self.taken.get(table_key, {}) or key in self.on_file.values[table_key]

    def _once(self, table: Table, rows: Iterable[SheetRow]) -> dict[RowKey, SheetRow]:
        first: dict[RowKey, SheetRow] = {}
        for found in rows:
            if (before := first.setdefault(found.row.key, found)) is not found:
                where = f"“{before.sheet}”" if before.sheet != found.sheet else ""
                self.problems.append(
                    _problem(table, found, table.identity[-1], f"与{where}第 {before.row.number} 行重复", "两行留一行")
                )
        return first

    def _zeros_lost(self, table: Table, rows: Mapping[RowKey, SheetRow]) -> Iterator[tuple[RowKey, Problem]]:
        """``4465`` where ``04465`` is on file: a spreadsheet ate the zero before the file was saved as CSV."""
        known = {
            key[-1].lstrip("0"): key[-1]
            for key in self.on_file.values[table.key]
            if isinstance(key[-1], str) and key[-1].startswith("0")
        }
        for key, found in rows.items():
            if key in self.on_file.values[table.key] or not isinstance(key[-1], str):
                continue
            if (meant := known.get(key[-1])) is not None:
                yield key, _problem(table, found, table.identity[-1], f"开头的 0 可能丢了,已有编码 {meant}", meant)

    def _unfit(self, table: Table, rows: Mapping[RowKey, SheetRow]) -> Iterator[tuple[RowKey, Problem]]:
        for key, found in rows.items():
            for fault in table.faults(self.taken[table.key][key]):
                yield key, _problem(table, found, fault.column, fault.reason, fault.suggestion)

    def _not_unique(self, table: Table, rows: Mapping[RowKey, SheetRow]) -> Iterator[tuple[RowKey, Problem]]:
        """Chat accounts, part numbers without separators, and carrier codes name one person, part and run.

        A carrier's capacity of the day is kept by its code, so that one code in two warehouses would be counted
        twice (F053).
        """
        for column, said in UNIQUE.get(table.key, {}).items():
            holders: dict[str, RowKey] = {}
            everything = {**self.on_file.values[table.key], **self.taken[table.key]}
            for key, values in sorted(everything.items(), key=lambda pair: pair[0] in rows):
                mark = normal(values[column]) if table.key == "parts" else values[column]
                holder = holders.setdefault(mark, key) if mark else key
                if holder != key and key in rows:
                    reason = said.format(holder="/".join(map(str, holder)))
                    yield key, _problem(table, rows[key], column, reason, "核对后改一个")

    def _held(self, table: Table, rows: Mapping[RowKey, SheetRow]) -> Iterator[tuple[RowKey, Problem]]:
        if table.key != "lots":
            return
        for key, found in rows.items():
            held, counted = self.on_file.held.get(key, 0), self.taken["lots"][key]["on_hand"]
            if counted < held:
                yield (
                    key,
                    _problem(table, found, "on_hand", f"在库 {counted} 少于订单已占用的 {held}", "先释放占用,再改在库"),
                )

    def _dangling(self, table: Table, rows: Mapping[RowKey, SheetRow]) -> Iterator[tuple[RowKey, Problem]]:
        for key, found in rows.items():
            values = self.taken[table.key][key]
            for reference in table.references:
                wanted = tuple(values[name] for name in reference.columns)
                if wanted[-1] and not self._known(reference.table, wanted):
                    column = reference.columns[-1]
                    reason = f"没有这个{table.column(column).header}:已有资料和本文件的可用行里都找不到"
                    yield key, _problem(table, found, column, reason, self._nearest(reference, wanted))
                    break

    def _nearest(self, reference: Reference, wanted: RowKey) -> str:
        """The code that was probably meant: equal without separators, or alike."""
        self._guesses += 1
        if self._guesses > _MOST_GUESSES:
            return ""
        scope = (reference.table, wanted[:-1])
        if (known := self._normals.get(scope)) is None:
            known = self._normals[scope] = {
                key[-1]: normal(str(key[-1]))
                for source in (self.on_file.values, self.taken)
                for key in source.get(reference.table, {})
                if key[:-1] == wanted[:-1]
            }
        found = process.extractOne(
            normal(str(wanted[-1])), known, scorer=Indel.normalized_similarity, score_cutoff=_ALIKE
        )
        return f"是不是 {found[2]}?" if found else ""


UNIQUE: Mapping[str, Mapping[str, str]] = {
    "people": {"wecom": "企微账号已是 {holder} 的", "dingtalk": "钉钉账号已是 {holder} 的"},
    "parts": {"number": "去掉横线、空格后与物料 {holder} 相同"},
    "carriers": {"code": "编码已用于 {holder},每个仓要有自己的编码"},
}
"""What must not be said of two rows, and how it is told."""


def _problem(table: Table, found: SheetRow, column: str, reason: str, suggestion: str = "") -> Problem:
    about = table.column(column)
    shown = about.kind.show(found.row.values[column]) if column in found.row.values else ""
    return Problem(
        sheet=found.sheet,
        row=found.row.number,
        column=about.header,
        value="" if shown is None else str(shown),
        reason=reason,
        suggestion=suggestion,
    )
