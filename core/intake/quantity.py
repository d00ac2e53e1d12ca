"""How many: quantities as people write them, and what they come to in pieces (chat grammar, rules 2, 4, 5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from core.catalog import Part
from core.intake.numerals import NUMERAL, spoken_number, spoken_range
from core.part_number import skeleton, squeezed

BOXES = frozenset({"箱", "盒", "box", "boxes", "ctn", "ctns"})
DOZENS = frozenset({"打", "dozen", "doz"})
PAIRS = frozenset({"对", "双", "pair", "pairs"})
_SINGLE = frozenset({"个", "只", "件", "支", "条", "根", "片", "枚"})
UNITS = (
    *"个件只套箱盒打对双副付条支瓶桶片根包台张组把颗枚罐卷份块",
    *("pieces", "piece", "pairs", "pair", "dozen", "doz", "boxes", "box", "ctns", "ctn", "pcs", "pc"),
    *("sets", "set", "units", "unit", "ea"),
)
MOST_DIGITS = 9
"""Longer digit strings are no quantity anybody can mean; they are kept as text and asked."""

_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_NOT_COUNTED = r"(?!\s*(?:月|人|工作日|小时|钟头|星期|礼拜|门店|店|客户|型号|地址|问题|单子|订单))"
_QUANTITY = re.compile(
    rf"""
    (?P<each>各自|各|每样|每种|每款|每个型号|均|都要|都|each)?\s?
    (?P<label>数量|订货数|件数|qty|quantity)?\s?[:=]?\s?
    (?P<about>大概|大约|差不多|约|至少|最少|最多|不超过)?\s?
    (?P<mark>(?<![0-9a-z])[x*×]\s?)?
    (?P<sign>(?<![0-9a-z])-)?
    (?:
      (?P<half>半)(?=\s?(?:{_UNIT}))
      |(?P<vague>几十|十几|几百|若干|一些|好几|几|多少)(?=\s?(?:{_UNIT})|\s?$)
      |(?P<damaged>(?<![0-9a-z])(?=\d*[OIlQZS])[0-9OIlQZS]{{2,6}})(?=\s?(?:{_UNIT}))
      |(?P<digits>(?<![0-9a-z.,])\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)(?P<fraction>\.\d+)?(?P<place>[百千万](?!\w*号))?
      |(?P<spoken>{NUMERAL}{{1,12}})
    )
    (?P<to>\s?(?:-|~|到|至|或者|或|/)\s?(?P<upper>\d{{1,9}}))?
    (?P<more>\s?[多几余来](?=\s?(?:{_UNIT})|\s?$))?
    (?:\s?(?P<unit>{_UNIT}){_NOT_COUNTED}(?![a-z])(?P<andhalf>半(?![a-z0-9]))?)?
    (?P<after_mark>\s?[x*×](?![0-9a-z]))?
    (?P<roughly>\s?(?:左右|上下|以上|以内|以下))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FOLLOWS = re.compile(r"\s|[,;、。!?:()\[\]|\n\x00\x01]|$")
_VERBS = tuple("要发急送给和跟加再还谢吧的了呢啊到各共另请尽先都就补")
_ASKING = re.compile(r"(?:要|来|订|订购|购|下|拿|发|补|共|数量|给我|给|改成|改为|改|=|:)\s*$")


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A quantity as written. ``clear`` is False for “约20”, “20多个”, “20-30”, “2.5”: then it is only offered."""

    text: str
    counts: tuple[Fraction, ...]
    unit: str = ""
    clear: bool = True
    each: bool = False
    """各2套: for every line before that has no quantity."""
    bare: bool = False
    """A number alone, without unit or sign of multiplication."""


def amounts_in(text: str) -> Iterator[tuple[int, int, Amount]]:
    """Every quantity in a text where other things have been blanked out, with its place."""
    for found in _QUANTITY.finditer(text):
        start, end = found.span()
        while start < end and text[start].isspace():
            start += 1
        if amount := _read(found, text):
            yield start, end, amount


def amount_of(text: str) -> Amount | None:
    """The quantity when the text is nothing else."""
    written = squeezed(text)
    found = list(amounts_in(written))
    if len(found) != 1:
        return None
    start, end, amount = found[0]
    return amount if start == 0 and end == len(written) else None


def pieces(amount: Amount, part: Part | None) -> tuple[tuple[int, ...], bool]:
    """What an amount comes to in pieces of the part, and whether that is certain.

    箱 and 盒 count by the part's pack (uncertain while no pack is entered), 打 is twelve (uncertain when the part is
    packed otherwise), a pair of something sold singly may mean one or two. Without a part, boxes have no reading.
    """
    factors, certain = _factors(amount.unit.lower(), part)
    totals = {count * factor for count in amount.counts for factor in factors}
    whole = tuple(sorted(int(t) for t in totals if t.denominator == 1))
    return whole, amount.clear and certain and len(whole) == 1 and len(totals) == 1


def _factors(unit: str, part: Part | None) -> tuple[tuple[int, ...], bool]:
    if unit in BOXES:
        if part is None:
            return (), False
        if part.unit == unit:
            return (1,), True
        return (part.pack,), part.pack > 1
    if unit in DOZENS:
        if part is not None and part.pack not in (1, 12):
            return (12, part.pack), False
        return (12,), True
    if unit in PAIRS and part is not None and part.unit in _SINGLE:
        return (1, 2), False
    return (1,), True


def _read(found: re.Match[str], text: str) -> Amount | None:
    unit = found["unit"] or ""
    marked = bool(found["mark"] or found["after_mark"] or found["label"] or found["each"])
    if not _stands_alone(found, text, counted=bool(unit) or marked):
        return None
    written = found[0].strip()
    if found["vague"]:
        return Amount(text=written, counts=(), unit=unit, clear=False, each=bool(found["each"]))
    counts = _counts(found)
    if counts is None:
        return None
    unsure = unit == "块" or found["about"] or found["to"] or found["damaged"] or found["more"] or found["roughly"]
    grouped = bool(found["digits"] and "," in found["digits"]) and not (unit or marked)
    return Amount(
        text=written,
        counts=counts,
        unit=unit,
        clear=not (unsure or grouped or len(counts) != 1),
        each=bool(found["each"]),
        bare=not (unit or marked),
    )


def _stands_alone(found: re.Match[str], text: str, *, counted: bool) -> bool:
    """A number is a quantity only by itself: not the end of a word, not 18款, 5号, 1.8T."""
    first, last = found.start(), found.end()
    core = next(found.start(g) for g in ("half", "vague", "damaged", "digits", "spoken") if found[g] is not None)
    before = text[core - 1] if core else ""
    announced = found["mark"] or found["label"] or found["each"]
    if before and before.isascii() and (before in "._/#" or (before.isalpha() and not announced)):
        return False
    follows = text[last : last + 1]
    if found["spoken"] and not counted:
        lead = text[first - 1] if first else " "
        return bool(_FOLLOWS.match(follows)) and (bool(_FOLLOWS.match(lead)) or bool(_ASKING.search(text[:first])))
    if _FOLLOWS.match(follows):
        return True
    if found["unit"]:
        return True
    return follows.startswith(_VERBS)


def _counts(found: re.Match[str]) -> tuple[Fraction, ...] | None:
    sign = -1 if found["sign"] else 1
    if found["half"]:
        return (Fraction(sign, 2),)
    if found["spoken"]:
        value = spoken_number(found["spoken"])
        if value is None:
            return tuple(Fraction(n) for n in spoken_range(found["spoken"])) if found["unit"] else None
        count = Fraction(value)
    elif found["damaged"]:
        return (Fraction(int(skeleton(found["damaged"]))),)
    else:
        digits = found["digits"].replace(",", "")
        if len(digits) > MOST_DIGITS:
            return ()
        count = Fraction(int(digits))
        if found["fraction"] and found["fraction"].strip(".0"):
            return ()
        if found["place"]:
            count *= {"百": 100, "千": 1000, "万": 10_000}[found["place"]]
    if found["andhalf"]:
        count += Fraction(1, 2)
    counts = [sign * count]
    if found["upper"]:
        counts.append(Fraction(int(found["upper"])))
    return tuple(counts)
