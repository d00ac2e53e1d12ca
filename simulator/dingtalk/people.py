"""The organisation as DingTalk knows it: members, groups, who is in which chat."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Member:
    """A person with a DingTalk phone."""

    user_id: str
    name: str
    title: str = ""
    mobile: str = ""
    manager_user_id: str = ""
    department_ids: tuple[int, ...] = (1,)
    roles: tuple[tuple[int, str], ...] = ()
    """(role id, role name)."""
    admin: bool = False
    outsider: bool = False
    """Not of the organisation: their messages carry no senderStaffId [wire 3]."""

    @property
    def union_id(self) -> str:
        return "union-" + hashlib.sha256(self.user_id.encode()).hexdigest()[:16]

    @property
    def sender_id(self) -> str:
        """The opaque id messages carry instead of the userid."""
        return "$:LWCP_v1:$" + hashlib.sha256(self.user_id.encode()).hexdigest()[:24]


@dataclass(frozen=True, kw_only=True)
class Group:
    """An internal group chat in which the robot may be a member."""

    conversation_id: str
    title: str
    member_ids: tuple[str, ...]
    has_robot: bool = True


class Directory:
    """Members and groups by id."""

    def __init__(self, members: Iterable[Member], groups: Iterable[Group]) -> None:
        self.members = {member.user_id: member for member in members}
        self.groups = {group.conversation_id: group for group in groups}

    def member(self, user: str) -> Member:
        """Raises LookupError for someone who has no phone here."""
        if user not in self.members:
            raise LookupError(f"nobody named {user!r} on DingTalk")
        return self.members[user]

    def staff(self, user: str) -> bool:
        """True when the platform can address that user id inside the organisation."""
        member = self.members.get(user)
        return member is not None and not member.outsider

    def group(self, conversation_id: str) -> Group:
        """Raises LookupError for an unknown group."""
        if conversation_id not in self.groups:
            raise LookupError(f"no group {conversation_id!r} on DingTalk")
        return self.groups[conversation_id]


def single_chat(user: str) -> str:
    """The conversation id of someone's single chat with the robot."""
    return "cid" + hashlib.sha256(f"single {user}".encode()).hexdigest()[:28] + "=="
