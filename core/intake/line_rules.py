"""Checks of single lines: part, quantity, safety stock, pack, stock, confidence (F031–F033).

The ``args`` of each finding are named in its function's docstring; quantities in them are pieces.
"""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz import fuzz

from core.findings import Finding, FindingCode, Severity
from core.intake.matches import MatchKind
from core.intake.order_draft import DraftLine
from core.intake.sight import Sight
from core.part_number import normal

_PART_CODES = {
    MatchKind.SKELETON: FindingCode.PART_SUGGESTED,
    MatchKind.NEAR: FindingCode.PART_SUGGESTED,
    MatchKind.AMBIGUOUS: FindingCode.PART_AMBIGUOUS,
    MatchKind.UNKNOWN: FindingCode.PART_UNKNOWN,
}


def part(sight: Sight) -> Iterator[Finding]:
    """🔴 物料号不存在, a look-alike, or several that fit (F031). Args: text."""
    for line in sight.draft.lines:
        if line.part is None:
            restored = tuple(d.suggestion for d in line.doubts if d.field == "part" and d.suggestion)
            numbers = tuple(p.number for p in line.match.candidates)
            code = _PART_CODES.get(line.match.kind, FindingCode.PART_UNKNOWN)
            if restored and not numbers:
                code, numbers = FindingCode.PART_SUGGESTED, restored
            yield Finding(
                code=code,
                severity=Severity.RED,
                line=line.position,
                field="part",
                args=(("text", line.part_text),),
                candidates=numbers,
            )


def superseded(sight: Sight) -> Iterator[Finding]:
    """🟡 已停产,有替代: the successor is proposed, never swapped (F030); 🔴 without one. Args: part, successor."""
    for line in sight.draft.lines:
        if line.part is None:
            continue
        successor = sight.index.successor(line.part)
        if successor is not None:
            yield Finding(
                code=FindingCode.PART_SUPERSEDED,
                severity=Severity.YELLOW if line.part.active else Severity.RED,
                line=line.position,
                field="part",
                candidates=(successor.number,),
                args=(("part", line.part.number), ("successor", successor.number), ("name", successor.name)),
            )
        elif not line.part.active:
            yield Finding(
                code=FindingCode.PART_SUPERSEDED,
                severity=Severity.RED,
                line=line.position,
                field="part",
                args=(("part", line.part.number), ("successor", "")),
            )


def name(sight: Sight) -> Iterator[Finding]:
    """🟡 the trade name written beside the number is another part's. Args: reason=name, text, part, name."""
    for line in sight.draft.lines:
        if line.part is None or len(line.name_text) < 2:
            continue
        written = normal(line.name_text)
        names = [normal(line.part.name), *(a.normal for a in line.part.aliases)]
        likeness = max(max(fuzz.ratio(written, n), fuzz.partial_ratio(written, n)) for n in names if n)
        contradicted = (
            sight.index.names_a_part(line.name_text)
            and written not in names
            and not any(written in n or n in written for n in names if n)
        )
        if likeness < sight.rules.name_likeness or contradicted:
            yield Finding(
                code=FindingCode.LOW_CONFIDENCE,
                severity=Severity.YELLOW,
                line=line.position,
                field="part",
                args=(
                    ("reason", "name"),
                    ("text", line.name_text),
                    ("part", line.part.number),
                    ("name", line.part.name),
                ),
            )


def quantity(sight: Sight) -> Iterator[Finding]:
    """🔴 没写数量 (“要几个?” with the usual figures) or unclear; what is offered is never taken. Args: part, text."""
    for line in sight.draft.lines:
        if line.quantity is None:
            unclear = bool(line.quantity_text or line.quantity_readings)
            yield Finding(
                code=FindingCode.QUANTITY_UNCLEAR if unclear else FindingCode.QUANTITY_MISSING,
                severity=Severity.RED,
                line=line.position,
                field="quantity",
                args=(("part", line.part_number or line.part_text), ("text", line.quantity_text)),
                candidates=tuple(str(n) for n in line.quantity_readings if n > 0) if unclear else _usual(sight, line),
            )


def _usual(sight: Sight, line: DraftLine) -> tuple[str, ...]:
    box = line.part.pack if line.part else 1
    return tuple(dict.fromkeys(str(-(-n // box) * box) for n in sight.rules.usual_pieces))


def absurd(sight: Sight) -> Iterator[Finding]:
    """🔴 zero, negative, or more than anybody orders. Args: quantity, most."""
    for line in sight.draft.lines:
        pieces = line.quantity
        if pieces is not None and not 0 < pieces <= sight.rules.most_pieces:
            yield Finding(
                code=FindingCode.QUANTITY_ABSURD,
                severity=Severity.RED,
                line=line.position,
                field="quantity",
                args=(("quantity", str(pieces)), ("most", str(sight.rules.most_pieces))),
                candidates=(str(-pieces),) if -sight.rules.most_pieces <= pieces < 0 else (),
            )


def safety_stock(sight: Sight) -> Iterator[Finding]:
    """需主管确认: “订 90,安全库存 40 的 225%” (F032). 200.00 % is no flag, one piece more is.

    Lines of the same part count together; the flag stands on the first. Args: quantity, safety, percent (rounded
    up), limit. A part without a safety stock has a flag of its own. Args: part.
    """
    for line, pieces in _totals(sight):
        if line.part is None:
            continue
        safety = line.part.safety_stock
        if not safety:
            yield Finding(
                code=FindingCode.NO_SAFETY_STOCK,
                severity=sight.rules.no_safety_stock,
                line=line.position,
                field="quantity",
                args=(("part", line.part.number),),
            )
            continue
        limit = sight.rules.safety_percent_by_part.get(line.part.number, sight.rules.safety_percent)
        if pieces * 100 > safety * limit:
            yield Finding(
                code=FindingCode.OVER_SAFETY_STOCK,
                severity=Severity.SUPERVISOR,
                line=line.position,
                field="quantity",
                args=(
                    ("quantity", str(pieces)),
                    ("safety", str(safety)),
                    ("percent", str(-(-pieces * 100 // safety))),
                    ("limit", str(limit)),
                ),
            )


def pack(sight: Sight) -> Iterator[Finding]:
    """🟡 非整箱: the next full box is offered. Args: quantity, pack."""
    for line in sight.draft.lines:
        if line.part is not None and line.quantity and line.quantity > 0 and line.quantity % line.part.pack:
            full = -(-line.quantity // line.part.pack) * line.part.pack
            yield Finding(
                code=FindingCode.PACK_MULTIPLE,
                severity=Severity.YELLOW,
                line=line.position,
                field="quantity",
                args=(("quantity", str(line.quantity)), ("pack", str(line.part.pack))),
                candidates=(str(full),),
            )


def stock(sight: Sight) -> Iterator[Finding]:
    """🟡 what could be promised does not cover the order; lines of the same part count together. Args: quantity,
    available."""
    if sight.availability is None:
        return
    for line, pieces in _totals(sight):
        if line.part is None:
            continue
        available = sight.availability.get(line.part.number, 0)
        if available < pieces:
            yield Finding(
                code=FindingCode.STOCK_SHORT,
                severity=Severity.YELLOW,
                line=line.position,
                field="quantity",
                args=(("quantity", str(pieces)), ("available", str(available))),
            )


def confidence(sight: Sight) -> Iterator[Finding]:
    """🟡 the reader was not sure of a value that was taken (F027). Args: reason, text."""
    for line in sight.draft.lines:
        doubts = [d for d in line.doubts if d.field in ("part", "quantity") and _taken(line, d.field)]
        for doubt in doubts:
            yield Finding(
                code=FindingCode.LOW_CONFIDENCE,
                severity=Severity.YELLOW,
                line=line.position,
                field=doubt.field,
                args=(("reason", doubt.reason), ("text", doubt.text)),
                candidates=(doubt.suggestion,) if doubt.suggestion else (),
            )
        if line.score < sight.rules.low_score and not doubts and line.part is not None and line.quantity is not None:
            yield Finding(
                code=FindingCode.LOW_CONFIDENCE,
                severity=Severity.YELLOW,
                line=line.position,
                field="part",
                args=(("reason", "score"), ("text", line.raw)),
            )


def _taken(line: DraftLine, which: str) -> bool:
    return line.part is not None if which == "part" else line.quantity is not None


def _totals(sight: Sight) -> Iterator[tuple[DraftLine, int]]:
    """The first line of each part with the pieces of all its lines; a line without a sane quantity does not count."""
    first: dict[str, DraftLine] = {}
    pieces: dict[str, int] = {}
    for line in sight.draft.lines:
        if line.part is not None and line.quantity is not None and 0 < line.quantity <= sight.rules.most_pieces:
            first.setdefault(line.part.number, line)
            pieces[line.part.number] = pieces.get(line.part.number, 0) + line.quantity
    for number, line in first.items():
        yield line, pieces[number]
