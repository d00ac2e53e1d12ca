"""An order written in chat: customer, lines, date, demands (F026, chat grammar section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from core.intake.due import DueReading, one_due
from core.intake.lines import LineDraft, lines_of
from core.intake.master import MasterIndex
from core.intake.matches import TAKEN, MatchKind
from core.intake.quantity import BOXES, DOZENS, pieces
from core.intake.tokens import CLAIMED, Sheet, TokenKind, tokens_of
from core.part_number import squeezed, tidy

_MENTION = re.compile(r"^\s*(?:@[^\s@]{1,32}[\s\u2005]+)+")
_ITEM = re.compile(r"[①-⑳⑴-⒇]")
_COURTESY = re.compile(
    r"(?:你好|您好|老板|师傅|麻烦|帮忙|帮我|给我|请|谢谢|多谢|下单|下个单|订单|订货|补货|要货|发货|报单|我要|我们要|需要|还要|再来|再要|再加"
    r"|另外|还有|一共|安排|一下|急需|急|单子|采购|order|please|thanks|hi|hello|for)",
    re.IGNORECASE,
)
_FILLER = re.compile(r"[\s,;、。.!?:()\[\]【】<>|+*=/~_\"'“”‘’…\x00-]+")
_PREFIX = re.compile(r"^\s*(?:下单|下个单|订货|order)(?![a-z])", re.IGNORECASE)
_QUESTION = re.compile(r"吗|有货|有没有|多少钱|什么价|报价|库存|[?？]\s*$")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, kw_only=True)
class TextLine:
    """One line as written. ``quantity`` is in pieces and None unless plainly written; ``quantity_readings`` are the
    pieces that the writing could mean (chat grammar, rules 4 and 5)."""

    raw: str
    part_text: str
    quantity: int | None = None
    quantity_readings: tuple[int, ...] = ()
    quantity_text: str = ""
    unit: str = ""
    name_text: str = ""
    """A trade name written beside the number; compared with the master's name."""


@dataclass(frozen=True, kw_only=True)
class TextOrder:
    """What a message says, before anything is checked. ``rest`` is what nobody understood, for the person to see."""

    customer_text: str = ""
    due: DueReading | None = None
    requirements: tuple[str, ...] = ()
    lines: tuple[TextLine, ...] = ()
    total: int | None = None
    """“共68件”, when it stands apart from the lines."""
    rest: str = ""


def read_text(text: str, index: MasterIndex, *, now: datetime) -> TextOrder:
    """Read a message.

    1. The longest master part inside a run of letters, digits and blanks comes first; a phone number loses to it.
    2. A quantity stands after or before its part; one that could belong to two lines, and two for one line, are
       offered, not taken. “各2套” counts for every line before that has none.
    3. A quantity is never inferred: without one the line keeps None.
    """
    written = squeezed(_ITEM.sub("\n", text))
    written = _MENTION.sub("", written)
    sheet = tokens_of(written, index, now=now)
    drafts, total = lines_of(sheet, index)
    customer = _customer(sheet, index, drafts)
    return TextOrder(
        customer_text=customer,
        due=one_due([t.due for t in sheet.tokens if t.due]),
        requirements=tuple(dict.fromkeys(t.text for t in sheet.tokens if t.kind is TokenKind.REQUIREMENT and t.text)),
        lines=tuple(_line(d, index) for d in drafts),
        total=total,
        rest=_rest(sheet),
    )


def is_order_like(text: str, index: MasterIndex, *, now: datetime) -> bool:
    """Whether a message without a command word is an order.

    A known part, a word like a part number, or a known trade name, with a quantity; or a known part with a customer
    or a date; or “下单” with any line. A bare part number is none (it may be a stock question), nor is a batch, an
    order number or a phone with a number behind it, nor a question (有货吗, 多少钱).
    """
    return orders_something(read_text(text, index, now=now), text, index)


def orders_something(order: TextOrder, text: str, index: MasterIndex) -> bool:
    """The same, for a message that is read already."""
    if not order.lines or _QUESTION.search(text):
        return False
    if _PREFIX.match(tidy(text)):
        return True
    named = [
        x
        for x in order.lines
        if not _HAN.search(x.part_text) or index.match_part(x.part_text).kind is not MatchKind.UNKNOWN
    ]
    if any(x.quantity_text for x in named):
        return True
    known = any(index.match_part(x.part_text).kind in TAKEN for x in named)
    return known and bool(order.customer_text or order.due)


def _line(draft: LineDraft, index: MasterIndex) -> TextLine:
    part = index.match_part(draft.part_text).part
    readings: set[int] = set()
    certain = bool(draft.amounts) and not draft.doubtful
    for amount in draft.amounts:
        found, sure = pieces(amount, part)
        readings.update(found)
        certain = certain and sure
    certain = certain and len(readings) == 1 and not _repeated(draft)
    return TextLine(
        raw=draft.raw,
        part_text=draft.part_text,
        quantity=next(iter(readings)) if certain else None,
        quantity_readings=tuple(sorted(readings)),
        quantity_text=" ".join(a.text for a in draft.amounts),
        unit=next((a.unit for a in draft.amounts if a.unit), ""),
        name_text=draft.name_text,
    )


def _repeated(draft: LineDraft) -> bool:
    """“20个20个” may be twenty or forty; “2箱(20个)” says the same twice in different units."""
    boxed = [a.unit.lower() in BOXES | DOZENS for a in draft.amounts]
    return len(boxed) != len(set(boxed))


def _customer(sheet: Sheet, index: MasterIndex, drafts: list[LineDraft]) -> str:
    """The customer as written: said to be one, a code, phone or full name; else the first words if they are a name."""
    said = [t for t in sheet.tokens if t.kind is TokenKind.CUSTOMER]
    if said:
        known = [t.text.strip() for t in said if t.known]
        distinct = {m.customer.code for text in known if (m := index.match_customer(text)).customer}
        if len(distinct) == 1 and len(known) == len(said):
            return known[0]
        return " ".join(dict.fromkeys(t.text.strip() for t in said))
    first = min((d.start for d in drafts), default=len(sheet.open))
    for start, words in _words(sheet.open[:first]):
        if len(words) >= 2 and _HAN.search(words) and index.match_customer(words).kind in (*TAKEN, MatchKind.AMBIGUOUS):
            sheet.claim(TokenKind.CUSTOMER, start, start + len(words))
            return words
    phone = next((t for t in sheet.tokens if t.kind is TokenKind.PHONE), None)
    return phone.text if phone else ""


def _words(text: str) -> list[tuple[int, str]]:
    clean = _COURTESY.sub(lambda m: CLAIMED * len(m[0]), text)
    return [(m.start(), m[0]) for m in re.finditer(rf"[^{CLAIMED}\s,;、。.!?:()\[\]]+", clean)]


def _rest(sheet: Sheet) -> str:
    clean = _COURTESY.sub(" ", sheet.open)
    kept = [word for word in _FILLER.split(clean) if word and word not in _PARTICLES]
    noise = [t.text.strip() for t in sheet.tokens if t.kind is TokenKind.NOISE]
    return " ".join([*kept, *noise])[:500]


_PARTICLES = frozenset("要来发给和跟加吧的了呢啊呀吗到各共另请尽先都就补订拿x做是我")
