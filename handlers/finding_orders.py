"""From what people type to the order they mean: full number, or four digits when unique."""

from __future__ import annotations

from core.desk import Act
from core.errors import DomainError
from core.orders import Order


async def named(act: Act, text: str) -> Order:
    """Raises DomainError with the nearest numbers, or with the list when four digits fit several."""
    wanted = text.strip().upper()
    if wanted.startswith("SO"):
        order = await act.tx.orders.get(wanted)
        if order is not None:
            return order
        near = await act.tx.orders.ending_with(wanted[-2:], limit=3)
        raise DomainError("order_unknown", number=wanted, near=[o.number for o in near])
    found = await act.tx.orders.ending_with(wanted.zfill(4) if wanted.isdigit() else wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        raise DomainError("order_unknown", number=text, near=[])
    raise DomainError("which_order", digits=wanted, numbers=[o.number for o in found])
