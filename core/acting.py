"""Who acts in a use case, and the trace that the act leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import DomainError
from core.people import ROLE_LABEL, Person, PlatformName, Role
from core.ports import Transaction
from core.telling import Address


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person acting through one of their accounts. ``evidence``: grade B = chat account + message id."""

    person: Person
    platform: PlatformName
    account: str
    evidence: str = "B"

    @property
    def id(self) -> str:
        return self.person.id

    @property
    def address(self) -> Address:
        return Address(platform=self.platform, account=self.account)

    def require(self, *roles: Role) -> None:
        """Raises DomainError unless the actor holds one of the roles; an administrator may do everything but decide."""
        if not self.person.has(*roles, Role.ADMIN):
            raise DomainError("not_your_role", wanted="、".join(ROLE_LABEL[r] for r in roles))


async def trace(tx: Transaction, ref: str, action: str, actor: Actor | None, *, now: datetime, **details: Any) -> None:
    """One link of the subject's chain; ``actor`` None is the system itself (a deadline, a wave tick)."""
    if actor is None:
        await tx.timeline.append(
            ref, action, actor="system", actor_name="系统", channel="system", details=details, at=now
        )
        return
    await tx.timeline.append(
        ref,
        action,
        actor=actor.id,
        actor_name=actor.person.name,
        channel=actor.platform.value,
        details=details,
        at=now,
        evidence=actor.evidence,
    )
