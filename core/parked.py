"""What was given up: an administrator has it handled again or drops it, and the trace says who (F021, R12)."""

from __future__ import annotations

from datetime import datetime

from core.ports import Transaction


async def resolve(
    tx: Transaction,
    letter: int,
    *,
    again: bool,
    by: str,
    name: str,
    channel: str,
    now: datetime,
    evidence: str = "B",
) -> bool:
    """Decision and trace are one commit; False when the letter is unknown or was decided on already."""
    decide = tx.letters.resend if again else tx.letters.drop
    if not await decide(letter, by, now):
        return False
    await tx.timeline.append(
        f"parked:{letter}",
        "parked.resent" if again else "parked.dropped",
        actor=by,
        actor_name=name,
        channel=channel,
        details={"letter": letter},
        at=now,
        evidence=evidence,
    )
    return True
