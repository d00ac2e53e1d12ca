"""Button keys: readable head, then a MAC, so that a forged or altered key is refused (reliability section 8)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verb(StrEnum):
    """What a button asks for. ``ref`` and ``arg`` as said."""

    SUBMIT = "sub"  # order number: 确认提交
    TAKE = "tak"  # order number: 采用建议
    SET_QUANTITY = "qty"  # order number; arg line=quantity: 2行改50
    SET_PART = "prt"  # order number; arg line; choice = candidate part number
    SET_CUSTOMER = "cus"  # order number; choice = candidate customer code
    CANCEL = "can"  # order number: 作废
    REOPEN = "reo"  # order number: 改单重提
    STATUS = "sta"  # order number: 查进度
    TRACE = "trc"  # order number: 溯源
    NUDGE_OWNER = "nud"  # order number: 催首责人修订
    APPROVE = "ap"  # request id: 通过
    REJECT = "rj"  # request id: 驳回 → the reasons
    REJECT_REASON = "rjr"  # request id; choice = reason code
    CLAIM = "clm"  # pick list number: 领取波次
    PICKED = "pkd"  # pick list number; arg task id: 已拣
    SHORT = "sht"  # pick list number; arg task id: 少拣 → the reasons
    SHORT_REASON = "shr"  # pick list number; arg task id; choice = reason code
    SHIP = "out"  # pick list number: how to scan out
    EXPEDITE = "exp"  # order number: ⚡加急 → the reasons
    EXPEDITE_REASON = "xpr"  # order number; choice = reason code
    EXPEDITE_TERMS = "xpt"  # order number; arg reason code; choices level, time (or one combined)
    PICKUP = "pup"  # order number: 已安排
    COORDINATE = "coo"  # order number: 我来协调
    URGE = "urg"  # order number: 催仓库


@dataclass(frozen=True, kw_only=True)
class Action:
    verb: Verb
    ref: str
    revision: int = 0
    arg: str = ""


class Keys:
    """Makes and reads button keys with the deployment's secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def make(self, verb: Verb, ref: str, *, revision: int = 0, arg: str = "") -> str:
        """``ap|17|r3||5f0c9a1e``: at most about 60 bytes, so that six buttons fit in DingTalk's 1 KB."""
        head = f"{verb}|{ref}|r{revision}|{arg}"
        return f"{head}|{self._mac(head)}"

    def read(self, key: str) -> Action | None:
        """None when the key was not made here."""
        head, _, mac = key.rpartition("|")
        if not hmac.compare_digest(mac.encode(), self._mac(head).encode()):
            return None
        verb, ref, revision, arg = head.split("|")
        return Action(verb=Verb(verb), ref=ref, revision=int(revision[1:]), arg=arg)

    def page(self, number: str) -> str:
        """The key in the link from a card to the page of its order."""
        return self._mac(f"page|{number}")

    def opens(self, number: str, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self.page(number).encode())

    def admin(self, person_id: str, until: datetime) -> str:
        """The key in an administrator's link: whose it is and until when it opens. ``E0001.1771700000.9f…``."""
        head = f"{person_id}.{int(until.timestamp())}"
        return f"{head}.{self._long_mac(f'admin|{head}')}"

    def admin_of(self, key: str, now: datetime) -> str | None:
        """Whose link it is; None when it was not made here or its time is over. Rights are looked up, not read here."""
        head, _, mac = key.rpartition(".")
        person_id, _, until = head.rpartition(".")
        if not hmac.compare_digest(mac.encode(errors="replace"), self._long_mac(f"admin|{head}").encode()):
            return None
        return person_id if now.timestamp() < int(until) else None

    def _mac(self, head: str) -> str:
        return self._digest(head)[:10]

    def _long_mac(self, head: str) -> str:
        """For keys that open more than one card, and live in an address."""
        return self._digest(head)[:32]

    def _digest(self, head: str) -> str:
        return hmac.new(self._secret, head.encode(), hashlib.sha256).hexdigest()
