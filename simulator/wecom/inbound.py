"""The fields of every message and event the app can receive [90239, 90240]."""

from __future__ import annotations

import hashlib
from typing import Any

from simulator.wecom.cards_view import buttons, choices, submit
from simulator.wecom.menu import MenuEntry
from simulator.wecom.phones import Bubble

Fields = dict[str, Any]
Selected = dict[str, list[str]]


def text(content: str) -> Fields:
    return {"MsgType": "text", "Content": content}


def image(media_id: str) -> Fields:
    return {
        "MsgType": "image",
        "PicUrl": f"https://wework.qpic.cn/simulated/{media_id[-12:]}",
        "MediaId": media_id,
    }


def voice(media_id: str, format_: str) -> Fields:
    return {"MsgType": "voice", "MediaId": media_id, "Format": format_}


def video(media_id: str, thumb_media_id: str) -> Fields:
    return {"MsgType": "video", "MediaId": media_id, "ThumbMediaId": thumb_media_id}


def file(media_id: str, filename: str) -> Fields:
    """Unconfirmed for apps: not in [90239], but Tencent's own code parses it."""
    return {"MsgType": "file", "MediaId": media_id, "FileName": filename}


def location(latitude: float, longitude: float, label: str, scale: int) -> Fields:
    return {
        "MsgType": "location",
        "Location_X": latitude,
        "Location_Y": longitude,
        "Scale": scale,
        "Label": label,
        "AppType": "wxwork",
    }


def link(title: str, description: str, url: str) -> Fields:
    return {"MsgType": "link", "Title": title, "Description": description, "Url": url, "PicUrl": ""}


def event(name: str, key: str = "", **fields: Any) -> Fields:
    return {"MsgType": "event", "Event": name, "EventKey": key, **fields}


def gps(latitude: float, longitude: float, precision: float) -> Fields:
    return {
        "MsgType": "event",
        "Event": "LOCATION",
        "Latitude": latitude,
        "Longitude": longitude,
        "Precision": precision,
        "AppType": "wxwork",
    }


def tap(entry: MenuEntry, *, scan_result: str, scan_type: str, pictures: list[bytes], place: Fields) -> Fields:
    """The event behind a menu entry, filled with what the member scanned, photographed or chose."""
    if entry.type.startswith("scancode"):
        return event(entry.type, entry.key, ScanCodeInfo={"ScanType": scan_type, "ScanResult": scan_result})
    if entry.type.startswith("pic_"):
        sums = [{"PicMd5Sum": hashlib.md5(picture).hexdigest()} for picture in pictures]
        info = {"Count": len(sums), "PicList": {"item": sums}}
        return event(entry.type, entry.key, SendPicsInfo=info)
    if entry.type == "location_select":
        return event(entry.type, entry.key, SendLocationInfo=place, AppType="wxwork")
    return event(entry.type, entry.key)


def card_event(name: str, *, key: str, task_id: str, card_type: str, response_code: str, selected: Selected) -> Fields:
    """A press. SelectedItems is left out when the card has nothing to select."""
    items = [
        {"QuestionKey": question, "OptionIds": {"OptionId": ids} if ids else ""} for question, ids in selected.items()
    ]
    return event(
        name,
        key,
        TaskId=task_id,
        CardType=card_type,
        ResponseCode=response_code,
        SelectedItems={"SelectedItem": items} if items else None,
    )


def press_of(bubble: Bubble, key: str, chosen: Selected) -> tuple[str, Selected]:
    """Which event a tap on this copy raises, and what is selected with it (defaults filled in).

    Raises:
        LookupError: no such button on this copy, it is greyed, it only opens a page, or an option is not
            offered.
    """
    button = next((button for button in buttons(bubble) if button.key == key and not button.url), None)
    if key and button is not None and button.menu:
        return "template_card_menu_event", {}
    send = submit(bubble)
    live = [b for b in (button, send) if b is not None and b.key == key and not b.disabled]
    if not key or not live:
        raise LookupError(f"{bubble.user!r} has no live button {key!r} on {bubble.task_id!r}")
    selected: Selected = {}
    offered = {choice.key: choice for choice in choices(bubble)}
    for question in chosen:
        if question not in offered:
            raise LookupError(f"no selector {question!r} on {bubble.task_id!r}")
    for choice in offered.values():
        ids = chosen.get(choice.key, choice.selected)
        unknown = set(ids) - {option for option, _ in choice.options}
        if unknown or (len(ids) > 1 and not choice.multi):
            raise LookupError(f"{sorted(ids)} cannot be selected in {choice.key!r}")
        if choice.disabled and ids != choice.selected:
            raise LookupError(f"{choice.key!r} is disabled")
        selected[choice.key] = ids
    return "template_card_event", selected
