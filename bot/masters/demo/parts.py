"""Twelve hundred parts in the formats of the trade, of a maker that does not exist; those of the scripts among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bot.masters.demo.ranges import FAMILIES, SERIES, Family, Goods
from core.catalog import AliasKind, Part, PartAlias
from core.part_number import normal, skeleton

MAKER = "华途"
ALIASES_PER_TEN = 24
"""2.4 other names for each part."""
SUPERSEDED_EVERY = 50
NO_SAFETY_EVERY = 80
_LETTERS = "ACEFHJKMNPRTUVWXY"
"""Without letters that a reader takes for digits."""


@dataclass(frozen=True, kw_only=True)
class DemoPart:
    """A part, and how much of it usually lies on a shelf."""

    part: Part
    usual: int
    shelf_days: int = 0


def _scripted(
    number: str,
    name: str,
    family: str,
    *,
    safety: int,
    unit: str = "个",
    pack: int = 1,
    position: str = "",
    weight_g: int = 500,
) -> Part:
    return Part(
        number=number,
        normal=normal(number),
        name=name,
        family=family,
        unit=unit,
        pack=pack,
        position=position,
        safety_stock=safety,
        weight_g=weight_g,
    )


def scripted_parts() -> tuple[Part, ...]:
    """The parts of the scripts (chat page, section 6)."""
    return (
        _scripted("04465-0K240", "前刹车片", "制动", safety=120, unit="套", position="前", weight_g=1500),
        _scripted("04465-33471", "凯美瑞前刹车片", "制动", safety=60, unit="套", position="前", weight_g=1550),
        _scripted("04466-33160", "凯美瑞后刹车片", "制动", safety=60, unit="套", position="后", weight_g=1300),
        _scripted("90915-YZZD4", "机油滤", "滤清", safety=500, pack=10, weight_g=300),
        _scripted("17801-21050", "空气滤", "滤清", safety=40, weight_g=260),
        _scripted("W 75/3", "机滤芯", "滤清", safety=80, weight_g=280),
    )


def demo_parts(random: Random, count: int) -> tuple[DemoPart, ...]:
    """Scripted parts first, then the ranges of every family.

    No two numbers look alike (O and 0, B and 8 …), so that a number typed right names one part. Short names
    (``S30刹车片``) may name several: then the person is asked.
    """
    scripted = scripted_parts()
    taken = {skeleton(part.normal) for part in scripted}
    found = [DemoPart(part=part, usual=60) for part in scripted]
    per_family = -(-(count - len(scripted)) // len(FAMILIES))
    for family in FAMILIES:
        wanted = min(per_family, count - len(found))
        found += [
            _part(random, family, goods, position, series, taken)
            for goods, position, series in _chosen(random, family, wanted)
        ]
    _name(random, found, taken)
    for index in range(len(scripted) + SUPERSEDED_EVERY, len(found) - 1, SUPERSEDED_EVERY):
        _supersede(found[index].part, found[index + 1].part)
    return tuple(found)


def _chosen(random: Random, family: Family, wanted: int) -> list[tuple[Goods, str, str]]:
    variants = [(g, p, s) for s in SERIES for g in family.goods for p in g.positions]
    chosen = set(random.sample(range(len(variants)), wanted))
    return [variant for index, variant in enumerate(variants) if index in chosen]


def _part(random: Random, family: Family, goods: Goods, position: str, series: str, taken: set[str]) -> DemoPart:
    number = _free(taken, lambda: f"HT-{family.code}{random.randint(10_000, 99_999)}")
    safety = max(4, goods.usual * random.randint(15, 35) // 10)
    part = Part(
        number=number,
        normal=normal(number),
        name=f"{MAKER}{series}{position}{goods.name}",
        family=family.name,
        unit=goods.unit,
        pack=goods.pack,
        position=position,
        grade=random.choices(("品牌件", "原厂件", "售后件", "再制造件"), (70, 15, 12, 3))[0],
        safety_stock=None if random.randrange(NO_SAFETY_EVERY) == 0 else safety,
        weight_g=goods.grams,
    )
    return DemoPart(part=part, usual=goods.usual, shelf_days=family.shelf_days)


def _name(random: Random, found: list[DemoPart], taken: set[str]) -> None:
    """An OE number and a brand number each, and a short name for as many as make 2.4 in the mean."""
    for item in found:
        part = item.part
        part.aliases = [
            _alias(part, AliasKind.OE, _free(taken, lambda: _oe(random))),
            _alias(part, AliasKind.BRAND, _free(taken, lambda: _brand(random))),
        ]
    third = len(found) * ALIASES_PER_TEN // 10 - 2 * len(found)
    for item in random.sample([x for x in found if x.part.name.startswith(MAKER)], third):
        short = item.part.name.removeprefix(MAKER).replace(item.part.position, "", 1)
        item.part.aliases.append(_alias(item.part, AliasKind.ALIAS, short.replace(" ", "")))


def _alias(part: Part, kind: AliasKind, text: str) -> PartAlias:
    return PartAlias(text=text, normal=normal(text), kind=kind, part_number=part.number)


def _oe(random: Random) -> str:
    """As the large makers write them, with the made-up maker's letters in front."""

    def digits(n: int) -> str:
        return "".join(random.choices("0123456789", k=n))

    def letters(n: int) -> str:
        return "".join(random.choices(_LETTERS, k=n))

    return random.choice(
        (
            f"HT{digits(3)}-{digits(5)}",
            f"HT{digits(3)}-{digits(1)}{letters(1)}{digits(3)}",
            f"HT{digits(1)} {digits(3)} {digits(3)} {letters(1)}",
            f"HT{digits(3)}-{digits(2)}{letters(1)}{digits(1)}{letters(1)}",
            f"HT {digits(3)} {digits(3)} {digits(2)} {digits(2)}",
        )
    )


def _brand(random: Random) -> str:
    return random.choice(
        (
            f"HTW {random.randint(610, 990)}/{random.randint(10, 99)}",
            f"HT 0 {random.randint(100, 999)} {random.randint(100, 999)}",
            f"HTB{random.randint(100_000, 999_999)}",
        )
    )


def _free(taken: set[str], draw: Callable[[], str]) -> str:
    """Draw until the number looks like no other one."""
    while skeleton(normal(text := draw())) in taken:
        continue
    taken.add(skeleton(normal(text)))
    return text


def _supersede(old: Part, new: Part) -> None:
    if old.family == new.family:
        old.superseded_by, old.active = new.number, False
