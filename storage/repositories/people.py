"""Who acts: persons, their roles and accounts (I02, I03)."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Select, bindparam, delete, select, type_coerce
from sqlalchemy import Text as TextType
from sqlalchemy.orm import joinedload

from core.people import ChatAccount, Person, PlatformName, Role
from storage import tables as t
from storage.rows import columns_of
from storage.session import Work


def folded(platform: PlatformName, account: str) -> str:
    """WeCom userids compare case-folded [90196]."""
    return account.casefold() if platform is PlatformName.WECOM else account


@cache
def _with_accounts() -> Select[Person]:
    """A person and their accounts in one statement."""
    return select(Person).options(joinedload(Person.accounts))  # type: ignore[arg-type]


@cache
def _by_account() -> Select[Person]:
    held = select(t.chat_accounts.c.person_id).where(
        t.chat_accounts.c.platform == bindparam("on"), t.chat_accounts.c.account == bindparam("named")
    )
    return _with_accounts().where(t.people.c.id.in_(held), t.people.c.active)


@cache
def _by_id() -> Select[Person]:
    return _with_accounts().where(t.people.c.id == bindparam("person"))


@cache
def _holders(places: tuple[str, ...]) -> Select[Person]:
    """Who holds a role, in a region or warehouse: asked with every order, so the others are not even read."""
    holders = _with_accounts().where(
        t.people.c.active,
        type_coerce(t.people.c.roles, TextType).like(bindparam("role"), escape="/"),
        *(t.people.c[name] == bindparam(name) for name in places),
    )
    return holders.order_by(t.people.c.id)


class SqlPeople:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def by_account(self, platform: PlatformName, account: str) -> Person | None:
        return await self._work.one(_by_account(), {"on": platform, "named": folded(platform, account)})

    async def get(self, person_id: str) -> Person | None:
        return await self._work.one(_by_id(), {"person": person_id})

    async def with_role(self, role: Role, *, region: str = "", warehouse: str = "") -> list[Person]:
        here = {"region": region, "warehouse": warehouse}
        named = f'%"{role.value.replace("_", "/_")}"%'
        for place in ({name: at for name, at in here.items() if at}, {}):
            found = await self._work.run(_holders(tuple(place)), {"role": named, **place})
            if holders := list(found.unique().scalars()):
                return holders
        return []

    async def find_by_name(self, name: str) -> Person | None:
        """The active person of that name; nobody when two share it, since nothing is guessed."""
        found = await self._work.many(select(Person).where(t.people.c.name == name.strip()).where(t.people.c.active))
        return found[0] if len(found) == 1 else None

    async def save(self, person: Person) -> None:
        """Raises ValueError when one of the accounts is another person's."""
        accounts = {a.platform: folded(a.platform, a.account) for a in person.accounts}
        self._work.forget(
            lambda x: (
                (isinstance(x, Person) and x.id == person.id)
                or (isinstance(x, ChatAccount) and x.person_id == person.id)
            )
        )
        for platform, account in accounts.items():
            await self._refuse_taken(person.id, platform, account)
        row = columns_of(person, t.people)
        await self._work.run(
            self._work.insert(t.people)
            .values(row)
            .on_conflict_do_update(index_elements=["id"], set_={k: v for k, v in row.items() if k != "id"})
        )
        await self._work.run(delete(t.chat_accounts).where(t.chat_accounts.c.person_id == person.id))
        for platform, account in accounts.items():
            await self._put_account(person.id, platform, account)

    async def bind(self, person_id: str, platform: PlatformName, account: str) -> None:
        """Raises ValueError when the account is another person's."""
        account = folded(platform, account)
        await self._refuse_taken(person_id, platform, account)
        await self._put_account(person_id, platform, account)
        await self._work.fresh(select(Person).where(t.people.c.id == person_id))

    async def everybody(self) -> list[Person]:
        return await self._work.many(select(Person).order_by(t.people.c.id))

    async def _refuse_taken(self, person_id: str, platform: PlatformName, account: str) -> None:
        holder = await self._work.run(
            select(t.chat_accounts.c.person_id)
            .where(t.chat_accounts.c.platform == platform)
            .where(t.chat_accounts.c.account == account)
        )
        if holder.scalar() not in (None, person_id):
            raise ValueError(f"{platform} account {account} belongs to another person")

    async def _put_account(self, person_id: str, platform: PlatformName, account: str) -> None:
        await self._work.run(
            self._work.insert(t.chat_accounts)
            .values(person_id=person_id, platform=platform, account=account)
            .on_conflict_do_update(index_elements=["person_id", "platform"], set_={"account": account})
        )
