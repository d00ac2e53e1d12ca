"""The corp: its members, its self-built apps, and who sees which app."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simulator.wecom.errors import ApiError


@dataclass(kw_only=True)
class AppConfig:
    """A self-built app as its page in the admin console shows it."""

    agentid: int
    secret: str
    token: str
    """Callback Token, up to 32 letters and digits."""
    aes_key: str
    """EncodingAESKey, exactly 43 characters."""
    callback_url: str | None = None
    """None: no callback configured, so that interactive cards are refused with 43012."""
    visible: frozenset[str] | None = None
    """Userids that see the app; None means everyone."""
    name: str = "接单"


@dataclass(frozen=True, kw_only=True)
class Member:
    """A person of the corp."""

    userid: str
    name: str
    departments: tuple[int, ...] = (1,)
    tags: tuple[int, ...] = ()
    position: str = ""
    status: int = 1
    """1 active, 2 disabled, 4 not activated, 5 left [90196]."""
    licensed: bool = True
    """False: has no interface licence, so sends answer with unlicenseduser."""
    direct_leader: tuple[str, ...] = ()


def open_userid(userid: str) -> str:
    """The encrypted form in which an intelligent bot may report a member."""
    return "wo" + hashlib.sha256(userid.casefold().encode()).hexdigest()[:30]


class Directory:
    """Finds members without regard to case, as WeCom does [90196], and knows each app's scope."""

    def __init__(self, members: Iterable[Member], apps: Iterable[AppConfig]) -> None:
        self._members = {member.userid.casefold(): member for member in members}
        self.apps = {app.agentid: app for app in apps}

    def member(self, userid: str) -> Member:
        """Raises LookupError for somebody who is not in the corp."""
        try:
            return self._members[userid.casefold()]
        except KeyError:
            raise LookupError(f"no member {userid!r} in this corp") from None

    def members(self) -> list[Member]:
        return list(self._members.values())

    def app(self, agentid: int) -> AppConfig:
        """Raises LookupError for an app that does not exist."""
        try:
            return self.apps[agentid]
        except KeyError:
            raise LookupError(f"no app {agentid}") from None

    def app_of(self, userid: str, agentid: int | None = None) -> AppConfig:
        """The app that this person is chatting with: the named one, or the first they can see."""
        if agentid is not None:
            return self.app(agentid)
        for app in self.apps.values():
            if self.sees(userid, app):
                return app
        raise LookupError(f"{userid!r} sees no app")

    def sees(self, userid: str, app: AppConfig) -> bool:
        return app.visible is None or userid.casefold() in {user.casefold() for user in app.visible}

    def reachable(self, userid: str, app: AppConfig) -> Member | None:
        """The member if the app may write to them, else None (→ invaliduser)."""
        member = self._members.get(userid.casefold())
        if member is None or member.status != 1 or not self.sees(userid, app):
            return None
        return member

    def in_parties(self, parties: Iterable[str]) -> set[str]:
        wanted = set(parties)
        return {m.userid for m in self.members() if wanted & {str(d) for d in m.departments}}

    def with_tags(self, tags: Iterable[str]) -> set[str]:
        wanted = set(tags)
        return {m.userid for m in self.members() if wanted & {str(t) for t in m.tags}}

    def record(self, userid: str, app: AppConfig) -> dict[str, Any]:
        """What user/get answers to an app made after 2022-06-20: no mobile, mail or avatar [90196].

        Raises:
            ApiError: 60111 nobody of that id; 60021 outside the app's scope.
        """
        try:
            member = self.member(userid)
        except LookupError:
            raise ApiError(60111, userid) from None
        if not self.sees(userid, app):
            raise ApiError(60021, userid)
        return {
            "userid": member.userid,
            "name": member.name,
            "department": list(member.departments),
            "order": [0] * len(member.departments),
            "position": member.position,
            "is_leader_in_dept": [0] * len(member.departments),
            "direct_leader": list(member.direct_leader),
            "main_department": member.departments[0],
            "alias": "",
            "status": member.status,
        }
