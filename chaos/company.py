"""A company large enough that the messengers' limits per person are not what is tested: regions of nine people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.masters.demo import demo_set
from core.catalog import Customer
from core.people import ChatAccount, Person, PlatformName, Role
from simulator import dingtalk, wecom
from storage.database import SqlDatabase

SALES_IN_REGION = 6
PART = "04465-0K240"
ORDERS_EACH = 3
"""Orders of one salesperson at most: each is another quantity, so that none is taken for a duplicate, and few enough
that the technician of a region is asked about as often as WeCom lets anybody be asked."""


@dataclass(frozen=True, kw_only=True)
class Salesperson:
    """Who orders, on which messenger, and always for the same customer of their own."""

    account: str
    platform: PlatformName
    customer: str


@dataclass(frozen=True, kw_only=True)
class Company:
    """Everybody with a phone, and the master data they work on."""

    people: tuple[Person, ...]
    sales: tuple[Salesperson, ...]
    regions: tuple[str, ...]

    @classmethod
    def for_orders(cls, orders: int) -> Company:
        """As many regions as that many orders need."""
        regions = tuple(f"区{n:03}" for n in range(1, max(2, -(-orders // (ORDERS_EACH * SALES_IN_REGION))) + 1))
        people = [*_headquarters()]
        sales = []
        for nth, region in enumerate(regions):
            people += _region(nth, region)
            for place in range(SALES_IN_REGION):
                platform = PlatformName.WECOM if place % 2 else PlatformName.DINGTALK
                sales.append(Salesperson(account=f"s{nth}_{place}", platform=platform, customer=_customer(nth, place)))
        return cls(people=tuple(people), sales=tuple(sales), regions=regions)

    def wecom_members(self) -> list[wecom.Member]:
        return [wecom.Member(userid=account, name=name) for account, name in self._accounts(PlatformName.WECOM)]

    def dingtalk_members(self) -> list[dingtalk.Member]:
        return [dingtalk.Member(user_id=account, name=name) for account, name in self._accounts(PlatformName.DINGTALK)]

    def _accounts(self, platform: PlatformName) -> Iterator[tuple[str, str]]:
        for person in self.people:
            account = person.account_on(platform)
            if account is not None:
                yield account.account, person.name

    async def move_in(self, database: SqlDatabase) -> None:
        """People, customers, parts and plenty of stock into an empty order store."""
        masters = demo_set()
        regions = list(self.regions)
        async with database.transaction() as tx:
            customers = [
                Customer(code=_customer(n, place), name=f"{region}客户{place}", region=region)
                for n, region in enumerate(regions)
                for place in range(SALES_IN_REGION)
            ]
            await tx.catalog.upsert(
                [
                    *(replace(w, regions=[*w.regions, *regions]) for w in masters.warehouses),
                    *masters.parts,
                    *customers,
                    *masters.bins,
                    *(replace(c, regions=[*c.regions, *regions]) for c in masters.carriers),
                ]
            )
            for person in self.people:
                await tx.people.save(person)
            await tx.stock.receive(masters.lots, by="chaos", at=datetime.now(UTC), ref="chaos")


def _customer(region: int, place: int) -> str:
    return f"K{1000 + region * SALES_IN_REGION + place}"


def _region(nth: int, region: str) -> Iterator[Person]:
    home = PlatformName.DINGTALK if nth % 2 else PlatformName.WECOM
    for place in range(SALES_IN_REGION):
        platform = PlatformName.WECOM if place % 2 else PlatformName.DINGTALK
        yield _person(f"S{nth}-{place}", f"销售{nth}-{place}", Role.SALES, f"s{nth}_{place}", platform, region)
    yield _person(f"T{nth}", f"技术{nth}", Role.TECH, f"t{nth}", home, region)
    yield _person(f"V{nth}", f"主管{nth}", Role.SUPERVISOR, f"v{nth}", home, region)
    yield _person(f"R{nth}", f"区域{nth}", Role.REGIONAL, f"r{nth}", home, region)


def _headquarters() -> Iterator[Person]:
    for role in (Role.TECH_DIRECTOR, Role.SALES_DIRECTOR, Role.OPS_DIRECTOR, Role.PLANNER, Role.ADMIN):
        name = role.value
        yield _person(f"H-{name}", name, role, f"h_{name}", PlatformName.WECOM)


def _person(number: str, name: str, role: Role, account: str, platform: PlatformName, region: str = "") -> Person:
    return Person(
        id=number,
        name=name,
        roles=[role],
        region=region,
        home=platform,
        accounts=[ChatAccount(platform=platform, account=account, person_id=number)],
    )
