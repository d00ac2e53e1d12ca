"""The loops' side of inbox, outbox and dead letters: claims with leases, the same on SQLite and PostgreSQL.

A claim is one UPDATE: due rows that have no older open row in their conversation or lane, oldest first, rows that
another claim holds skipped. Attempts are counted at the claim, so that a message which kills its worker is counted
too (reliability sections 2 and 4).
"""

from storage.queues.dead_letters import SqlDeadLetters
from storage.queues.inbox import SqlInboxQueue
from storage.queues.outbox import SqlOutboxQueue

__all__ = ["SqlDeadLetters", "SqlInboxQueue", "SqlOutboxQueue"]
