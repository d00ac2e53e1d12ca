"""Which quantity belongs to which part of a message."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from core.intake.master import MasterIndex
from core.intake.matches import TAKEN, MatchKind
from core.intake.quantity import Amount
from core.intake.tokens import CLAIMED, Sheet, Token, TokenKind
from core.part_number import normal

_SEPARATOR = re.compile(r"[,;、。!?\n|]|和(?=\x00)|(?<=\x00)(?:还有|以及|再加)")
_TRADE_NAME = re.compile(r"[0-9A-Za-z\u4e00-\u9fff\-/.()·]+")
_HAN_WORD = re.compile(r"[\u4e00-\u9fff][0-9A-Za-z\u4e00-\u9fff\-/.()·]*")
_LEAD = re.compile(
    r"^(?:你好|您好|麻烦|帮忙|帮我|给我|请|下单|订货|补货|我们要|我要|需要|还要|再来|再要|再加|另外|还有|安排|要|来|发|订|拿|加|给)+"
)
_TRAIL = re.compile(r"(?:要|各|共|的|来|吧|谢谢|数量)+$")
_NO_NAME = re.compile(r"其中|里面|剩下的?|余下的?|剩余的?|其余的?|先发|后发|每个|一样|不是|或者?|以及|以上|以下|左右")
_LEFT_OVER = re.compile(r"(?<![0-9A-Za-z])\d+(?![0-9A-Za-z])")
_MOST_RAW = 200


@dataclass(kw_only=True)
class LineDraft:
    """A part found in the message, and every quantity that may be meant for it."""

    part_text: str
    start: int
    end: int
    segment: int
    amounts: list[Amount] = field(default_factory=list)
    doubtful: bool = False
    """The quantity could as well belong to the line before, or a number beside it was not understood."""
    name_text: str = ""
    raw: str = ""


@dataclass(frozen=True, kw_only=True)
class _Segment:
    number: int
    start: int
    end: int
    tokens: tuple[Token, ...]
    new_row: bool
    """It begins a new line of the message, not just after a comma."""


def lines_of(sheet: Sheet, index: MasterIndex) -> tuple[list[LineDraft], int | None]:
    """The lines of a message in writing order, and a total that stands apart.

    1. Between two separators a quantity belongs to the part before it; when quantities and parts alternate and
       a quantity comes first, to the part after it.
    2. A quantity alone between separators belongs to the line before; a second one makes both doubtful.
    3. A number that nobody understood makes the lines beside it doubtful.
    4. 各 gives its quantity to every line before that has none, or, at the beginning, to all that follow.
    5. A first column that counts 1, 2, 3 … is numbering.
    """
    segments = _without_numbering(_segments(sheet))
    lines: list[LineDraft] = []
    waiting: list[Amount] = []
    each: Amount | None = None
    total: int | None = None
    for segment in segments:
        found, amounts, everywhere = _assign(segment, sheet, index)
        if found and waiting:
            found[0].doubtful |= bool(found[0].amounts)
            found[0].amounts += waiting
            waiting = []
        if found and lines and not segment.new_row and not lines[-1].amounts and _leads(segment, found[0]):
            found[0].doubtful = True
        lines += found
        if amounts and not found:
            if lines:
                lines[-1].amounts += amounts
            else:
                waiting += amounts
        for token in everywhere:
            if token.amount is None:
                continue
            empty = [x for x in lines if not x.amounts]
            each = token.amount if all(x.start > token.start for x in empty) else None
            for line in empty:
                line.amounts.append(token.amount)
        if each:
            for line in found:
                line.amounts = line.amounts or [each]
        total = _total(segment, found, lines, total)
    _quote(sheet, segments, lines)
    return lines, total


def _segments(sheet: Sheet) -> list[_Segment]:
    claimed = [(t.start, t.end) for t in sheet.tokens]
    cuts = [m.span() for m in _SEPARATOR.finditer(sheet.open)]
    rows = {m.end() for m in re.finditer(r"\n", sheet.open)}
    segments: list[_Segment] = []
    begin, row, at = 0, True, 0
    for cut, after in [*cuts, (len(sheet.open), len(sheet.open))]:
        inside = []
        while at < len(claimed) and claimed[at][0] < cut:
            inside.append(sheet.tokens[at])
            at += 1
        segments.append(_Segment(number=len(segments), start=begin, end=cut, tokens=tuple(inside), new_row=row))
        begin, row = after, after in rows
    return segments


def _without_numbering(segments: list[_Segment]) -> list[_Segment]:
    """Drop the running number of tables pasted into the chat: each row begins with a bare 1, 2, 3 … and has a part
    and another quantity."""
    rows: list[tuple[int, Token]] = []
    for i, segment in enumerate(segments):
        kinds = [t for t in segment.tokens if t.kind in (TokenKind.AMOUNT, TokenKind.PART)]
        if (
            segment.new_row
            and len(kinds) >= 2
            and kinds[0].amount
            and kinds[0].amount.bare
            and any(t.kind is TokenKind.PART for t in kinds)
        ):
            rows.append((i, kinds[0]))
    numbers = [t.amount.counts[0] if t.amount and t.amount.counts else 0 for _, t in rows]
    if len(rows) < 2 or numbers != list(range(1, len(rows) + 1)):
        return segments
    dropped = {id(t) for _, t in rows}
    return [
        _Segment(
            number=s.number,
            start=s.start,
            end=s.end,
            new_row=s.new_row,
            tokens=tuple(t for t in s.tokens if id(t) not in dropped),
        )
        for s in segments
    ]


def _assign(segment: _Segment, sheet: Sheet, index: MasterIndex) -> tuple[list[LineDraft], list[Amount], list[Token]]:
    """Lines of one segment, quantities without a part, and 各-quantities."""
    everywhere = [t for t in segment.tokens if t.amount and t.amount.each]
    counted = [t for t in segment.tokens if t.amount and not t.amount.each]
    numbered = [t for t in segment.tokens if t.kind is TokenKind.PART]
    parts = numbered or _named_parts(segment, sheet, index, counted=bool(counted))
    if not parts:
        return [], [t.amount for t in counted if t.amount], everywhere
    lines = [LineDraft(part_text=t.text.strip(), start=t.start, end=t.end, segment=segment.number) for t in parts]
    ordered = sorted([*parts, *counted], key=lambda t: t.start)
    pattern = "".join("Q" if t.amount else "P" for t in ordered)
    before = re.fullmatch(r"(?:QP)+", pattern) is not None
    for token in counted:
        if token.amount is None:
            continue
        owner = _after(lines, token) if before else _before(lines, token)
        owner.amounts.append(token.amount)
        owner.start, owner.end = min(owner.start, token.start), max(owner.end, token.end)
    if len(numbered) == 1:
        lines[0].name_text = _name_beside(segment, sheet, index)
    if _LEFT_OVER.search(sheet.open, segment.start, segment.end):
        for line in lines:
            line.doubtful = True
    return lines, [], everywhere


def _before(lines: list[LineDraft], token: Token) -> LineDraft:
    return next((x for x in reversed(lines) if x.start <= token.start), lines[0])


def _after(lines: list[LineDraft], token: Token) -> LineDraft:
    return next((x for x in lines if x.start >= token.end or x.end > token.end), lines[-1])


def _leads(segment: _Segment, line: LineDraft) -> bool:
    """Whether the segment begins with the quantity: after a comma it may still belong to the line before."""
    kinds = [t for t in segment.tokens if t.kind in (TokenKind.PART, TokenKind.AMOUNT)]
    return bool(line.amounts) and bool(kinds) and kinds[0].amount is not None


def _named_parts(segment: _Segment, sheet: Sheet, index: MasterIndex, *, counted: bool) -> list[Token]:
    """Parts named by their trade name only; with a quantity also words nobody knows, so that no line is lost."""
    phone = next((t for t in segment.tokens if t.kind is TokenKind.PHONE), None)
    if phone and counted:
        sheet.tokens = [t for t in sheet.tokens if t is not phone]
        return [Token(kind=TokenKind.PART, start=phone.start, end=phone.end, text=phone.text)]
    found: list[Token] = []
    each = any(t.amount and t.amount.each for t in segment.tokens)
    unit = any(t.amount and not t.amount.bare for t in segment.tokens)
    for word in _TRADE_NAME.finditer(sheet.open, segment.start, segment.end):
        for start, text in _names_in(word, index):
            kind = index.match_part(text).kind
            if (
                kind in TAKEN
                or (kind in (MatchKind.AMBIGUOUS, MatchKind.NEAR) and (counted or each))
                or (((counted and unit) or each) and not index.match_customer(text).candidates)
            ):
                found.append(Token(kind=TokenKind.PART, start=start, end=start + len(text), text=text))
    for token in found:
        sheet.blank(token.start, token.end)
    return found


def _names_in(word: re.Match[str], index: MasterIndex) -> list[tuple[int, str]]:
    """The names in one run of characters; “前刹车片和后刹车片” are two when the whole is no name."""
    start, text = _bare_word(word)
    if len(text) < 2 or not _HAN_WORD.search(text) or _NO_NAME.fullmatch(text):
        return []
    pieces = [(start + m.start(), m[0]) for m in re.finditer(r"[^和跟与及]+", text)]
    if len(pieces) > 1 and not index.names_a_part(text):
        return [(at, name) for at, name in pieces if len(name) >= 2]
    return [(start, text)]


def _bare_word(word: re.Match[str]) -> tuple[int, str]:
    lead = _LEAD.match(word[0])
    start = word.start() + (lead.end() if lead else 0)
    return start, _TRAIL.sub("", word[0][start - word.start() :]).strip(".-/·")


def _name_beside(segment: _Segment, sheet: Sheet, index: MasterIndex) -> str:
    """The trade name written beside a part number; it is understood, and compared with the master's name."""
    for word in _HAN_WORD.finditer(sheet.open, segment.start, segment.end):
        start, text = _bare_word(word)
        if len(text) >= 2 and index.names_a_part(text):
            sheet.blank(start, start + len(text))
            return text
    return ""


def _total(segment: _Segment, found: list[LineDraft], lines: list[LineDraft], total: int | None) -> int | None:
    for token in segment.tokens:
        if token.kind is not TokenKind.TOTAL:
            continue
        near = found[-1] if found else lines[-1] if len(lines) == 1 else None
        if near is not None and not near.amounts:
            near.amounts.append(Amount(text=token.text, counts=(Fraction(int(token.text)),)))
        elif lines:
            total = int(token.text)
    return total


def _quote(sheet: Sheet, segments: list[_Segment], lines: list[LineDraft]) -> None:
    """Each line quotes the message: its whole segment, or its own words when the segment holds several parts."""
    for line in lines:
        segment = segments[line.segment]
        alone = sum(1 for x in lines if x.segment == line.segment) == 1
        text = sheet.text[segment.start : segment.end] if alone else sheet.text[line.start : line.end]
        extra = [a.text for a in line.amounts if normal(a.text) not in normal(text)]
        line.raw = " ".join([text.strip(), *extra])[:_MOST_RAW].replace(CLAIMED, "")
