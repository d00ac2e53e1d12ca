"""message/send, update_template_card and recall: who gets what, and what it does to their phones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulator.wecom.accounts import AppConfig, Directory, Member
from simulator.wecom.cards import Card, calls_back, check_card, clip_card
from simulator.wecom.errors import ApiError, defect
from simulator.wecom.limits import DUPLICATE_WINDOW, DUPLICATE_WINDOW_MAX, DuplicateCheck, MemberRate
from simulator.wecom.media import MediaStore
from simulator.wecom.messages import draft
from simulator.wecom.phones import Bubble, Phones
from simulator.world import Clock, FaultKind, Faults, WireLog

GREYABLE = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})


class MessageDesk:
    """Carries out the three message calls of one corp. Notes go to the wire log, errors become answers."""

    def __init__(
        self,
        clock: Clock,
        wire: WireLog,
        faults: Faults,
        directory: Directory,
        media: MediaStore,
        phones: Phones,
    ) -> None:
        self._clock = clock
        self._wire = wire
        self._faults = faults
        self._directory = directory
        self._media = media
        self._phones = phones
        self._rate = MemberRate(clock)
        self._duplicates = DuplicateCheck(clock)
        self.silently_dropped: list[tuple[int, str]] = []
        """(agentid, userid) of every message that the per-member limit swallowed with errcode 0."""

    def send(self, app: AppConfig, body: dict[str, Any], notes: list[str]) -> dict[str, Any]:
        """message/send [90236].

        Raises:
            ApiError: 40056/301002 agentid; 81012 nobody given; 81013 nobody reachable; then the codes of the
                message's kind.
        """
        _check_agent(app, body)
        reached, answer = self._recipients(app, body)
        kind = body.get("msgtype")
        interval = _duplicate_interval(body)
        if kind == "template_card":
            bubbles, response_code = self._card(app, body, notes)
        else:
            made = draft(str(kind), body.get(str(kind)), self._media, self._clock.now())
            notes.extend(made.notes)
            bubbles, response_code = (
                Bubble(id="", user="", agentid=app.agentid, at=made.look.at, plain=made.look),
                "",
            )
        if interval is not None:
            earlier = self._duplicates.earlier_answer(app.agentid, body, interval)
            if earlier is not None:
                notes.append(f"swallowed: the same content within {interval} s")
                return earlier
        msgid = self._phones.record_sent(app.agentid)
        answer["msgid"] = msgid
        if response_code:
            answer["response_code"] = response_code
        self._put_on_phones(app, bubbles, msgid, reached, notes)
        self._duplicates.remember(app.agentid, body, answer)
        return answer

    def update(self, app: AppConfig, body: dict[str, Any], notes: list[str]) -> dict[str, Any]:
        """update_template_card: greys or replaces the copies of the listed people or of everyone [94888].

        Raises:
            ApiError: 60140 spent or old code; 42015 code of another app; 42016 no such task; 42017/42018
                grey on a card without buttons / without a text; 42045 … rules of the new card; 81012 nobody.
        """
        _check_agent(app, body)
        value = body.get("response_code")
        if not isinstance(value, str) or not value:
            raise defect(40063, "response_code missing")
        if self._faults.take(FaultKind.CODE_SPENT, "wecom"):
            self._phones.spend(value)
            notes.append("fault: the response_code was spent")
        code = self._phones.code(value, app.agentid)
        copies = self._phones.copies(app.agentid, code.task_id)
        if not self._phones.knows_task(app.agentid, code.task_id):
            raise ApiError(42016, code.task_id)
        chosen, invalid = self._chosen(body, copies)
        if "template_card" in body:
            card = self.checked_update(body["template_card"], notes)
            for copy in chosen:
                copy.repaint(card)
                self._phones.changed(copy)
        else:
            text = _replace_name(body)
            if any(copy.card.get("card_type") not in GREYABLE for copy in chosen):
                raise defect(42017, "only interaction cards can be greyed")
            for copy in chosen:
                copy.grey_out(text)
                self._phones.changed(copy)
        self._phones.spend(value)
        notes.append(f"code spent on {code.task_id}, {len(chosen)} copies repainted")
        return {"errcode": 0, "errmsg": "ok", "invaliduser": invalid}

    def recall(self, app: AppConfig, body: dict[str, Any], notes: list[str]) -> dict[str, Any]:
        """recall [94867]. Raises ApiError 40058 for a message of another app or older than 24 hours."""
        self._phones.recall(str(body.get("msgid") or ""), app.agentid)
        return {"errcode": 0, "errmsg": "ok"}

    def checked_update(self, card: Any, notes: list[str]) -> Card:
        """A card that may replace another, as the client will show it."""
        notes.extend(check_card(card, update=True, media_exists=self._media_exists))
        shown, cut = clip_card(card)
        notes.extend(cut)
        return shown

    def _card(self, app: AppConfig, body: dict[str, Any], notes: list[str]) -> tuple[Bubble, str]:
        card = body.get("template_card")
        notes.extend(check_card(card, update=False, media_exists=self._media_exists))
        assert isinstance(card, dict)
        if calls_back(card) and app.callback_url is None:
            raise defect(43012, "interactive cards need a callback URL")
        task_id = str(card.get("task_id") or "")
        if task_id:
            self._phones.claim_task(app.agentid, task_id)
        shown, cut = clip_card(card)
        notes.extend(cut)
        _drop_update_only(shown)
        code = self._phones.grant(app.agentid, task_id) if calls_back(card) else ""
        now = self._clock.now()
        return Bubble(id="", user="", agentid=app.agentid, at=now, card=shown, task_id=task_id), code

    def _recipients(self, app: AppConfig, body: dict[str, Any]) -> tuple[list[Member], dict[str, Any]]:
        lists = {name: _bars(body, name) for name in ("touser", "toparty", "totag")}
        if not any(lists.values()):
            raise defect(81012, "touser, toparty and totag are all empty")
        for name, most in (("touser", 1000), ("toparty", 100), ("totag", 100)):
            if len(lists[name]) > most:
                raise defect(40031 if name == "touser" else 40058, f"{name}: more than {most}")
        if lists["touser"] == ["@all"]:
            named = {member.userid for member in self._directory.members()}
            invalid: list[str] = []
        else:
            invalid = [user for user in lists["touser"] if self._directory.reachable(user, app) is None]
            named = set(lists["touser"]) | self._directory.in_parties(lists["toparty"])
            named |= self._directory.with_tags(lists["totag"])
        members = {m.userid: m for user in sorted(named) if (m := self._directory.reachable(user, app))}
        if not members:
            raise ApiError(81013, "|".join(sorted(named)))
        unlicensed = [member.userid for member in members.values() if not member.licensed]
        answer: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}
        if invalid:
            answer["invaliduser"] = "|".join(invalid).lower()
        if parties := [party for party in lists["toparty"] if not self._directory.in_parties([party])]:
            answer["invalidparty"] = "|".join(parties)
        if tags := [tag for tag in lists["totag"] if not self._directory.with_tags([tag])]:
            answer["invalidtag"] = "|".join(tags)
        if unlicensed:
            answer["unlicenseduser"] = "|".join(unlicensed).lower()
        return [member for member in members.values() if member.licensed], answer

    def _put_on_phones(
        self, app: AppConfig, bubble: Bubble, msgid: str, members: list[Member], notes: list[str]
    ) -> None:
        for member in members:
            if not self._rate.admit(app.agentid, member.userid):
                self.silently_dropped.append((app.agentid, member.userid))
                notes.append(f"silently dropped for {member.userid}: over 30/min or 1000/h")
                self._wire.violation("wecom", f"message to {member.userid} dropped: over 30/min or 1000/h")
                continue
            plain = replace(bubble.plain, id=msgid) if bubble.plain else None
            self._phones.add(replace(bubble, id=msgid, user=member.userid, plain=plain))

    def _chosen(self, body: dict[str, Any], copies: dict[str, Bubble]) -> tuple[list[Bubble], list[str]]:
        if body.get("atall") == 1:
            return list(copies.values()), []
        users = _strings(body, "userids", 1000)
        parties = _strings(body, "partyids", 100)
        tags = _strings(body, "tagids", 100)
        if not users and not parties and not tags:
            raise defect(81012, "userids, partyids, tagids and atall are all empty")
        grouped = self._directory.in_parties(parties) | self._directory.with_tags(tags)
        invalid = [user for user in users if user.casefold() not in copies]
        wanted = {user.casefold() for user in users} | {user.casefold() for user in grouped}
        return [copy for user, copy in copies.items() if user in wanted], invalid

    def _media_exists(self, media_id: str) -> None:
        self._media.get(media_id)


def _check_agent(app: AppConfig, body: dict[str, Any]) -> None:
    agentid = body.get("agentid")
    if not isinstance(agentid, int) or isinstance(agentid, bool):
        raise defect(40056, f"agentid {agentid!r} is no number")
    if agentid != app.agentid:
        raise defect(301002, f"the token belongs to app {app.agentid}, not {agentid}")


def _bars(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise defect(40035, f"{name} must be text, a|b")
    return [part for part in value.split("|") if part]


def _strings(body: dict[str, Any], name: str, most: int) -> list[str]:
    value = body.get(name) or []
    if not isinstance(value, list) or len(value) > most:
        raise defect(40058, f"{name} must be a list of at most {most}")
    return [str(item) for item in value]


def _duplicate_interval(body: dict[str, Any]) -> int | None:
    if body.get("enable_duplicate_check", 0) != 1:
        return None
    interval = body.get("duplicate_check_interval", DUPLICATE_WINDOW)
    if not isinstance(interval, int) or not 0 < interval <= DUPLICATE_WINDOW_MAX:
        raise defect(40058, f"duplicate_check_interval {interval!r}")
    return interval


def _replace_name(body: dict[str, Any]) -> str:
    button = body.get("button")
    if not isinstance(button, dict):
        raise defect(40063, "neither button nor template_card given")
    name = button.get("replace_name")
    if not isinstance(name, str) or not name:
        raise defect(42018, "button.replace_name")
    return name


def _drop_update_only(card: Card) -> None:
    """``replace_text`` and ``disable`` count in updates only; a fresh card is shown without them."""
    card.pop("replace_text", None)
    for part in [card.get("button_selection"), card.get("checkbox"), *card.get("select_list", [])]:
        if part:
            part.pop("disable", None)
