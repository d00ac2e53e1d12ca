"""What stands where in an order message: parts, customers, dates, demands, quantities, each claimed once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from core.intake.due import DueReading, dues_in
from core.intake.master import MasterIndex
from core.intake.quantity import UNITS, Amount, amounts_in
from core.intake.requirements import other_demand_in, requirements_in
from core.part_number import looks_like_part

CLAIMED = "\x00"
"""Stands where something was recognised."""


class TokenKind(Enum):
    """What a piece of the message is."""

    PART = auto()  # a known part or a word that looks like a part number
    AMOUNT = auto()
    TOTAL = auto()  # 共68件: checked against the lines, never a line's quantity by itself
    CUSTOMER = auto()
    DUE = auto()
    REQUIREMENT = auto()
    PHONE = auto()
    NOISE = auto()  # prices, order and batch numbers, VINs, years: nothing of them is a quantity


@dataclass(frozen=True, kw_only=True)
class Token:
    """A recognised piece of the message with its place in the tidied text."""

    kind: TokenKind
    start: int
    end: int
    text: str
    amount: Amount | None = None
    due: DueReading | None = None
    known: bool = False
    """The part or customer is in the master data exactly as written."""


class Sheet:
    """The message with what has been claimed so far blanked out; places stay the same."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.open = text
        self.tokens: list[Token] = []

    def claim(
        self,
        kind: TokenKind,
        start: int,
        end: int,
        *,
        amount: Amount | None = None,
        due: DueReading | None = None,
        text: str | None = None,
        known: bool = False,
    ) -> None:
        """Record a piece and blank it out."""
        written = self.text[start:end] if text is None else text
        self.tokens.append(Token(kind=kind, start=start, end=end, text=written, amount=amount, due=due, known=known))
        self.blank(start, end)

    def blank(self, start: int, end: int) -> None:
        """Nothing else is read here."""
        self.open = self.open[:start] + CLAIMED * (end - start) + self.open[end:]

    def claim_all(self, kind: TokenKind, pattern: re.Pattern[str]) -> None:
        for found in list(pattern.finditer(self.open)):
            self.claim(kind, *found.span())


_NUMBERING = re.compile(
    r"(?:^|(?<=[\n;,、。]))[ \t]*\(?\d{1,3}(?:[.)](?!\d)|、|[.)](?=\d{5}))[ \t]*(?=\S)"
    r"|(?<=\s)\(\d{1,2}\)(?=[0-9A-Za-z])"
)
_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z \t\-‐–—−./\\_·]*")
_GLUED_AMOUNT = re.compile(r"\s*(?:[xX*×]\s*\d{1,6}(?![0-9A-Za-z])|\d{1,6}\s*(?:个|件|只|套|箱|盒|打|对|副|pcs?\b))")
_EARLIER = re.compile(
    r"(?<![0-9A-Za-z])(?:SO\d{6}-?\d{2,4}|RMA\d{6}-?\d{2,4}|W\d{4}-\d{2}[A-Z]|B\d{6}-\d{2}|[A-Z]-\d{2}-\d{2}(?:-\d-\d{2})?)(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_VIN = re.compile(r"(?<![0-9A-Za-z])(?=[A-Z0-9]*[A-Z])(?=[A-Z0-9]*\d)[A-HJ-NPR-Z0-9]{17}(?![0-9A-Za-z])")
_PHONE = re.compile(r"(?<![0-9A-Za-z.-])1\d{2}[- ]?\d{4}[- ]?\d{4}(?![0-9A-Za-z-])")
_PRICE = re.compile(
    r"(?:单价|价格|售价|价|[¥￥$]|@)\s*[:=]?\s*\d+(?:\.\d+)?\s*(?:元|块钱|块|rmb)?(?:\s*/\s*[个件只套箱盒])?"
    r"|(?<![0-9A-Za-z.])\d+(?:\.\d+)?\s*(?:元|块钱|rmb|万元)(?:\s*/\s*[个件只套箱盒])?|(?<![\d.])\d+(?:\.\d+)?折",
    re.IGNORECASE,
)
_VEHICLE = re.compile(
    r"(?<![0-9A-Za-z])(?:19|20)?\d{2}(?:年)?款|(?<![0-9A-Za-z])\d\.\d\s*[TLtl](?![0-9A-Za-z])|(?<!\d)(?:19|20)\d{2}年(?!\d)"
    r"|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·.]?[0-9A-Z]{5,6}(?![0-9A-Za-z])"
)
_ADDRESS = re.compile(r"(?<![0-9A-Za-z])\d{1,5}(?:-\d{1,4})?(?:号楼|号|弄|楼|室|栋|幢|单元|层|排|缸|寸)")
_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_COUNTED = re.compile(rf"\d+\s*(?:{_UNIT})")
_SPACED_PART = re.compile(
    r"(?<![0-9A-Za-z.-])(?:(?:[A-Z]|\d*[A-Z]+\d+|\d+[A-Z]+|0\d*)(?: [0-9A-Z]{1,5}){1,4} [0-9A-Z]{1,5}"
    rf"|[A-Z]{{1,2}} \d{{1,4}}[/-]\d{{1,4}})(?![0-9A-Za-z/])(?!\s*(?:{_UNIT}))"
)
_WORD = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z][0-9A-Za-z\-–—−./\\_·]*")
_TIMES = re.compile(r"(?<=[0-9A-Z])(?:x|×|\*)(?=\d{1,5}$)|(?<=\d)\*")
_TOTAL = re.compile(
    r"(?:总共|一共|共计|合计|总计|共)\s*[:=]?\s*(?P<n>\d{1,7})\s*(?:个|件|只|套|pcs)?(?![0-9a-z行款种箱])",
    re.IGNORECASE,
)
_CUSTOMER = re.compile(
    r"(?:客户|客戶|门店|customer)(?:编码|编号|代码|名称|号|名)?\s*[:=]?\s*"
    r"(?P<who>(?![要说急需那的这在催问让等已会自])[^\s,;、。\n\x00]{2,30})",
    re.IGNORECASE,
)


def tokens_of(text: str, index: MasterIndex, *, now: datetime) -> Sheet:
    """Recognise everything in a tidied message. Earlier readers win: a part over a phone, a date over a number."""
    sheet = Sheet(text)
    for read in _READERS:
        read(sheet, index, now)
    sheet.tokens.sort(key=lambda t: t.start)
    return sheet


def _numbering(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for found in list(_NUMBERING.finditer(sheet.open)):
        sheet.blank(*found.span())


def _named_customer(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for found in list(_CUSTOMER.finditer(sheet.open)):
        code = re.match(r"[0-9A-Za-z-]{2,12}(?![0-9A-Za-z])", found["who"])
        end = found.start("who") + code.end() if code else found.end()
        who = sheet.text[found.start("who") : end]
        sheet.claim(TokenKind.CUSTOMER, found.start(), end, text=who, known=index.customer(who) is not None)


def _master_parts(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for run in list(_RUN.finditer(sheet.open)):
        for start, end in _hits_in(sheet.open, run.start(), run.end(), index):
            sheet.claim(TokenKind.PART, start, end, known=True)


def _hits_in(text: str, begin: int, finish: int, index: MasterIndex) -> Iterator[tuple[int, int]]:
    """The longest master part from every word start of a run; it must end at a word's end or at a glued quantity."""
    at = begin
    while at < finish:
        if not text[at].isalnum() or (at > begin and not text[at - 1].isspace()):
            at += 1
            continue
        if hit := _longest_from(text, at, finish, index):
            yield at, hit
            at = hit
        else:
            at += 1


def _longest_from(text: str, start: int, finish: int, index: MasterIndex) -> int:
    key, ends = "", {}
    for i in range(start, finish):
        if text[i].isalnum():
            key += text[i].upper()
            if len(key) > index.longest_key:
                break
            if _may_end(text, i + 1):
                ends[len(key)] = i + 1
    found = index.longest_hit(key, 0, sorted(ends, reverse=True))
    return ends[found] if found else 0


def _may_end(text: str, end: int) -> bool:
    follows = text[end : end + 2]
    if not follows or not (follows[0].isascii() and follows[0].isalnum()):
        return not (follows[:1] in "-./_\\–—" and follows[1:2].isascii() and follows[1:2].isalnum() and follows != "")
    return bool(_GLUED_AMOUNT.match(text, end))


def _customer_codes(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for word in list(_WORD.finditer(sheet.open)):
        written = word[0].rstrip("-./_")
        known = index.customer(written) is not None
        if known or index.customers.looks_like_code(written):
            sheet.claim(TokenKind.CUSTOMER, word.start(), word.start() + len(written), known=known)


def _spaced_parts(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    """``04E 115 561 D``: a number in groups that is not in the master data, so that its groups are no quantities."""
    for found in list(_SPACED_PART.finditer(sheet.open)):
        if looks_like_part(found[0]) or re.fullmatch(r"[A-Z]{1,2} \d{1,4}[/-]\d{1,4}", found[0]):
            sheet.claim(TokenKind.PART, *found.span())


def _dates(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for start, end, reading in list(dues_in(sheet.open, now=now)):
        sheet.claim(TokenKind.DUE, start, end, due=reading)


def _unknown_parts(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for word in list(_WORD.finditer(sheet.open)):
        written = word[0].rstrip("-./_")
        if split := _TIMES.search(written):
            written = written[: split.start()]
        if looks_like_part(written) and not _PHONE.fullmatch(written) and not _counted(sheet.open, word.start()):
            sheet.claim(TokenKind.PART, word.start(), word.start() + len(written))


def _counted(text: str, start: int) -> bool:
    """``1000000个`` is a quantity nobody means, not a part."""
    return bool(_COUNTED.match(text, start))


def _phones(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for found in list(_PHONE.finditer(sheet.open)):
        known = index.customers.by_phone(found[0]) is not None
        sheet.claim(TokenKind.CUSTOMER if known else TokenKind.PHONE, *found.span(), known=known)


def _demands(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for start, end, wording in list(requirements_in(sheet.open)):
        sheet.claim(TokenKind.REQUIREMENT, start, end, text=wording)


def _totals(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for found in list(_TOTAL.finditer(sheet.open)):
        sheet.claim(TokenKind.TOTAL, *found.span(), text=found["n"])


def _customer_names(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for found in index.customers.full_names_in(sheet.open):
        sheet.claim(TokenKind.CUSTOMER, *found, known=True)


def _amounts(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for start, end, amount in list(amounts_in(sheet.open)):
        sheet.claim(TokenKind.AMOUNT, start, end, amount=amount)


def _other_demands(sheet: Sheet, index: MasterIndex, now: datetime) -> None:
    for clause in list(re.finditer(r"[^,\n;。\x00]+", sheet.open)):
        if found := other_demand_in(clause[0]):
            sheet.claim(TokenKind.REQUIREMENT, clause.start() + found[0], clause.start() + found[1], text=found[2])


def _noise(pattern: re.Pattern[str]) -> Callable[[Sheet, MasterIndex, datetime], None]:
    return lambda sheet, index, now: sheet.claim_all(TokenKind.NOISE, pattern)


_READERS: tuple[Callable[[Sheet, MasterIndex, datetime], None], ...] = (
    _named_customer,
    _numbering,
    _master_parts,
    _customer_codes,
    _noise(_EARLIER),
    _noise(_VIN),
    _phones,
    _spaced_parts,
    _dates,
    _noise(_PRICE),
    _noise(_VEHICLE),
    _noise(_ADDRESS),
    _unknown_parts,
    _customer_names,
    _demands,
    _other_demands,
    _totals,
    _amounts,
)
"""Who reads first. What one has claimed, the next does not see."""
