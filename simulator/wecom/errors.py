"""The platform's own error codes, as the API half answers them ([90313], ``wire/wecom.md`` section 5)."""

from __future__ import annotations

ERRMSG: dict[int, str] = {
    -1: "system busy",
    40001: "invalid credential",
    40003: "invalid userid",
    40004: "invalid media type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40033: "invalid characters, may contain \\uxxxx escapes",
    40035: "invalid parameter",
    40056: "invalid agentid",
    40058: "invalid parameter length or value",
    40063: "some parameters are empty",
    41001: "access_token missing",
    42001: "access_token expired",
    42014: "template card task_id illegal or duplicate",
    42015: "template card belongs to another app",
    42016: "template card task not found",
    42017: "template card has no button to replace",
    42018: "template card replace_name missing",
    42027: "template card keyname missing",
    42028: "template card url missing",
    42029: "template card media_id missing",
    42030: "template card appid missing",
    42031: "template card card_type invalid",
    42033: "template card title missing",
    42035: "template card horizontal_content_list too long",
    42036: "template card vertical_content_list too long",
    42037: "template card option_list size invalid",
    42038: "template card button text missing",
    42039: "template card button key missing, too long or repeated",
    42040: "template card option id missing, too long or repeated",
    42041: "template card option text missing",
    42042: "template card jump_list too long",
    42043: "template card question_key missing, too long or repeated",
    42044: "template card card_image.url missing",
    42045: "template card card_action missing or invalid",
    42046: "template card submit_button key missing or too long",
    42047: "template card select_list size invalid",
    42049: "template card submit_button text empty",
    43004: "require POST method",
    43012: "app has no callback url",
    44001: "empty media data",
    44004: "empty text message",
    45001: "media size over limit",
    45002: "message content over limit",
    45008: "article count over limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    48002: "api forbidden",
    60011: "no privilege to access",
    60020: "not allow to access from your ip",
    60021: "user not in scope of the app",
    60111: "userid not found",
    60140: "response_code invalid or expired",
    81012: "no user, party or tag given",
    81013: "all of user, party and tag are invalid",
    93006: "invalid chatid",
    301002: "agentid not allowed for this access_token",
    830002: "media too large, use Range",
    846605: "invalid req_id",
    846608: "stream message is over",
}


class ApiError(Exception):
    """A call that is answered with an errcode instead of being carried out.

    ``defect`` marks what no correct client sends (a card against the rules, a wrong agentid); it is recorded
    as a violation. Expired codes, unknown people and dead tokens happen to correct clients too and are not.
    """

    def __init__(self, code: int, why: str = "", *, defect: bool = False) -> None:
        super().__init__(f"{code} {why}".strip())
        self.code = code
        self.why = why
        self.defect = defect

    def answer(self) -> dict[str, object]:
        text = ERRMSG.get(self.code, "invalid request")
        detail = f" ({self.why})" if self.why else ""
        return {"errcode": self.code, "errmsg": f"{text}{detail}, hint: [simulated], more info at [90313]"}


def defect(code: int, why: str) -> ApiError:
    """An error that only a faulty client can cause."""
    return ApiError(code, why, defect=True)
