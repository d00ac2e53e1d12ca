"""Passive replies put to work: the clicker's own copy repaints, or a plain reply lands in their chat."""

from __future__ import annotations

from typing import Any

from simulator.wecom.accounts import AppConfig
from simulator.wecom.crypto import AppCipher
from simulator.wecom.errors import ApiError
from simulator.wecom.media import MediaStore
from simulator.wecom.messages import draft
from simulator.wecom.passive import CARD_REPLIES, PassiveReply, ReplyError, read_reply
from simulator.wecom.phones import Bubble, Phones
from simulator.wecom.sending import GREYABLE, MessageDesk
from simulator.world import Clock, WireLog


class ReplyDesk:
    """Applies the bodies of answered callbacks; whatever is wrong with one becomes a violation."""

    def __init__(
        self,
        clock: Clock,
        wire: WireLog,
        corpid: str,
        media: MediaStore,
        phones: Phones,
        desk: MessageDesk,
        *,
        passive_spends_code: bool,
    ) -> None:
        self._clock = clock
        self._wire = wire
        self._corpid = corpid
        self._media = media
        self._phones = phones
        self._desk = desk
        self._passive_spends_code = passive_spends_code

    def apply(self, body: bytes, *, app: AppConfig, cipher: AppCipher, user: str, inner: dict[str, Any]) -> None:
        """Do what the reply says, for this member alone. An empty body means “no reply”."""
        if not body:
            return
        notes: list[str] = []
        event = str(inner.get("Event", ""))
        plain = body.decode(errors="replace")
        try:
            reply = read_reply(
                body,
                cipher=cipher,
                corpid=self._corpid,
                user=user,
                msg_type=str(inner["MsgType"]),
                event=event,
            )
            plain = reply.xml
            self._carry_out(reply, app, user, str(inner.get("TaskId", "")), notes)
            if reply.kind in CARD_REPLIES and self._passive_spends_code:
                self._phones.spend(str(inner.get("ResponseCode", "")))
                notes.append("the press's response_code is spent with it (assumed)")
            status = f"{reply.kind} applied"
        except (ValueError, ApiError, LookupError) as error:
            self._wire.violation("wecom", f"passive reply to {event or inner['MsgType']}: {error}")
            status = f"refused: {error}"
        self._wire.record(
            "wecom",
            "from_bot",
            "passive reply",
            encrypted=body.decode(errors="replace"),
            plain=plain,
            status=status,
            note=" · ".join(notes),
        )

    def _carry_out(self, reply: PassiveReply, app: AppConfig, user: str, task_id: str, notes: list[str]) -> None:
        if reply.kind == "update_template_card":
            card = self._desk.checked_update(reply.fields["card"], notes)
            copy = self._phones.copy(user, task_id, app.agentid)
            copy.repaint(card)
            self._phones.changed(copy)
        elif reply.kind == "update_button":
            copy = self._phones.copy(user, task_id, app.agentid)
            if copy.card.get("card_type") not in GREYABLE:
                raise ReplyError("update_button on a card without buttons to grey")
            copy.grey_out(reply.fields["replace_name"])
            self._phones.changed(copy)
        else:
            made = draft(reply.kind, reply.fields, self._media, self._clock.now())
            notes.extend(made.notes)
            made.look.id = self._phones.next_id()
            self._phones.add(Bubble(id=made.look.id, user=user, agentid=app.agentid, at=made.look.at, plain=made.look))
