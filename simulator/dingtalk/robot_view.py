"""The msgKey table [wire 5.2] and how each of its messages looks on a phone."""

from __future__ import annotations

from typing import Any

from simulator.dingtalk.files import Files
from simulator.world import PhoneButton


def _many_buttons(count: int) -> tuple[str, ...]:
    pairs = [(f"actionTitle{n}", f"actionURL{n}") for n in range(1, count + 1)]
    return ("title", "text", *(name for pair in pairs for name in pair))


REQUIRED: dict[str, tuple[str, ...]] = {
    "sampleText": ("content",),
    "sampleMarkdown": ("title", "text"),
    "sampleImageMsg": ("photoURL",),
    "sampleLink": ("title", "text", "messageUrl", "picUrl"),
    "sampleActionCard": ("title", "text", "singleTitle", "singleURL"),
    **{f"sampleActionCard{n}": _many_buttons(n) for n in range(2, 6)},
    "sampleActionCard6": ("title", "text", "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"),
    "sampleAudio": ("mediaId", "duration"),
    "sampleFile": ("mediaId", "fileName", "fileType"),
    "sampleVideo": ("duration", "videoMediaId", "videoType", "picMediaId"),
}
"""msgKey → the fields its msgParam must hold."""

MEDIA_FIELDS: dict[str, tuple[str, ...]] = {
    "sampleImageMsg": ("photoURL",),
    "sampleAudio": ("mediaId",),
    "sampleFile": ("mediaId",),
    "sampleVideo": ("videoMediaId", "picMediaId"),
}
"""Fields that hold a media id (a photoURL may also be a public address)."""

BUTTON_FIELDS = (
    ("singleTitle", "singleURL"),
    *((f"actionTitle{n}", f"actionURL{n}") for n in range(1, 6)),
    ("buttonTitle1", "buttonUrl1"),
    ("buttonTitle2", "buttonUrl2"),
)


def bubble_parts(key: str, values: dict[str, str], files: Files) -> dict[str, Any]:
    """The fields of a Bubble for a message of that msgKey. ActionCard buttons only open links."""
    if key == "sampleText":
        return {"kind": "text", "text": values["content"]}
    if key == "sampleImageMsg":
        stored = files.media(values["photoURL"])
        return {"kind": "image", "image": stored.data if stored else b"", "link": values["photoURL"]}
    if key == "sampleFile":
        return {"kind": "file", "filename": values["fileName"]}
    if key == "sampleAudio":
        return {"kind": "voice", "text": f"{int(values['duration']) // 1000}″"}
    if key == "sampleVideo":
        return {"kind": "video"}
    if key == "sampleLink":
        return {
            "kind": "text",
            "title": values["title"],
            "text": values["text"],
            "link": values["messageUrl"],
        }
    buttons = [
        PhoneButton(key=title, text=values[title], url=values[url])
        for title, url in BUTTON_FIELDS
        if title in values and url in values
    ]
    return {"kind": "markdown", "title": values["title"], "markdown": values["text"], "buttons": buttons}
