"""Our messenger against the strict simulated platform: what people see, and every fault on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.files.refusals import FileRefused
from bot.platform_errors import (
    CardGone,
    MediaGone,
    NotReachable,
    PlatformBusy,
    PlatformDown,
    RateLimited,
    Refused,
    TokenRejected,
)
from bot.wecom.menu import MENU
from cards.card import Button, Card, Choice, Option, Style
from cards.wecom import render
from core.inbound import MessageKind
from core.notices import CardKind
from simulator.world import FaultKind, Press
from tests.wecom.stand import DEPOT, JPG, PNG, SALES, Stand, posted, running

APPROVAL = Card(
    kind=CardKind.APPROVAL,
    ref="7",
    source="接单 · 技术确认",
    title="技术确认 SO260221-0137",
    facts=(("客户", "华锐汽修"), ("数量", "20 个")),
    buttons=(
        Button(text="通过", key="approve|7", style=Style.PRIMARY),
        Button(text="驳回", key="reject|7", style=Style.NEGATIVE),
    ),
    more=(Button(text="转交", key="forward|7"),),
)
DONE = replace(APPROVAL, buttons=(), more=(), closed_text="主管一已同意")


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with running() as up:
        yield up


# ------------------------------------------------------------------------------------------- texts


async def test_a_text_arrives(stand: Stand) -> None:
    sent = await stand.messenger.send_text("xiaoa", "已收单 #SO260221-0137 🔴", retry=False)

    assert sent.provider_id
    assert sent.unreachable == ()
    assert stand.texts("XiaoA") == ["已收单 #SO260221-0137 🔴"]


async def test_a_long_text_is_cut_at_whole_characters(stand: Stand) -> None:
    await stand.messenger.send_text("xiaoa", "单" * 700, retry=False)

    assert stand.texts("XiaoA") == ["单" * 681 + "…"]


async def test_a_text_whose_answer_was_lost_is_shown_once_when_repeated(stand: Stand) -> None:
    stand.faults.arm(FaultKind.ACCEPT_THEN_ABORT, platform="wecom")

    with pytest.raises(PlatformDown):
        await stand.messenger.send_text("xiaoa", "已收单", retry=False)
    await stand.messenger.send_text("xiaoa", "已收单", retry=True)

    assert stand.texts("XiaoA") == ["已收单"]


async def test_the_same_answer_to_the_same_question_is_shown_twice(stand: Stand) -> None:
    await stand.messenger.send_text("xiaoa", "库存 20", retry=False)
    await stand.messenger.send_text("xiaoa", "库存 20", retry=False)

    assert stand.texts("XiaoA") == ["库存 20", "库存 20"]


@pytest.mark.parametrize("account", ["left", "nobody", "nolicence"])
async def test_a_person_who_cannot_be_reached_is_said_to_be(stand: Stand, account: str) -> None:
    with pytest.raises(NotReachable):
        await stand.messenger.send_text(account, "你好", retry=False)


@pytest.mark.parametrize("account", ["@all", "boss1|boss2", ""])
async def test_an_account_can_never_address_more_than_one_person(stand: Stand, account: str) -> None:
    with pytest.raises(Refused):
        await stand.messenger.send_text(account, "你好", retry=False)

    assert stand.platform.tokens.fetched == 0


# ------------------------------------------------------------------------------------------- cards


async def test_a_card_reaches_whom_it_can_and_names_the_others(stand: Stand) -> None:
    sent = await stand.messenger.send_card(
        ["boss1", "Left", "nolicence"], render(APPROVAL, "ap-7"), "ap-7", retry=False
    )

    assert sent.unreachable == ("left", "nolicence")
    assert sent.response_code
    assert stand.card("boss1").title.startswith("技术确认")
    assert [button.text for button in stand.card("boss1").buttons] == ["通过", "驳回", "转交"]


async def test_a_card_whose_answer_was_lost_is_shown_once_when_repeated(stand: Stand) -> None:
    stand.faults.arm(FaultKind.ACCEPT_THEN_ABORT, platform="wecom")
    card = render(APPROVAL, "ap-7")

    with pytest.raises(PlatformDown):
        await stand.messenger.send_card(["boss1"], card, "ap-7", retry=False)
    again = await stand.messenger.send_card(["boss1"], card, "ap-7", retry=True)

    assert again.already
    assert again.response_code == ""
    assert len([m for m in stand.platform.chat("boss1") if m.kind == "card"]) == 1


async def test_a_repeated_task_id_on_a_first_attempt_is_a_defect(stand: Stand) -> None:
    await stand.messenger.send_card(["boss1"], render(APPROVAL, "ap-7"), "ap-7", retry=False)

    with pytest.raises(Refused, match="42014"):
        await stand.messenger.send_card(["boss2"], render(APPROVAL, "ap-7"), "ap-7", retry=False)

    assert [m for m in stand.platform.chat("boss2") if m.kind == "card"] == []


async def test_a_press_repaints_every_copy_with_its_own_code_once(stand: Stand) -> None:
    await stand.messenger.send_card(["boss1", "boss2"], render(APPROVAL, "ap-7"), "ap-7", retry=False)
    await stand.platform.press(Press(user="boss1", card_id="ap-7", key="approve|7"))
    press = stand.last.press
    assert press is not None
    assert (press.card_id, press.key) == ("ap-7", "approve|7")

    await stand.messenger.update_card(posted("ap-7"), render(DONE, None), press.response_code)

    for boss in ("boss1", "boss2"):
        buttons = stand.card(boss).buttons
        assert [(button.text, button.disabled) for button in buttons] == [("主管一已同意", True)]
        assert ("客户", "华锐汽修") in stand.card(boss).facts
    with pytest.raises(CardGone):
        await stand.messenger.update_card(posted("ap-7"), render(DONE, None), press.response_code)


async def test_the_send_time_code_repaints_until_it_is_72_hours_old(stand: Stand) -> None:
    first = await stand.messenger.send_card(["boss1"], render(APPROVAL, "a1"), "a1", retry=False)
    second = await stand.messenger.send_card(["boss1"], render(APPROVAL, "a2"), "a2", retry=False)

    await stand.messenger.update_card(posted("a1"), render(DONE, None), first.response_code)
    stand.clock.advance(timedelta(hours=73))

    with pytest.raises(CardGone):
        await stand.messenger.update_card(posted("a2"), render(DONE, None), second.response_code)


async def test_a_card_without_a_code_is_gone_without_a_call(stand: Stand) -> None:
    with pytest.raises(CardGone):
        await stand.messenger.update_card(posted("a1"), render(DONE, None), "")

    assert stand.platform.tokens.fetched == 0


async def test_an_update_may_carry_the_task_id_it_was_rendered_with(stand: Stand) -> None:
    sent = await stand.messenger.send_card(["boss1"], render(APPROVAL, "a1"), "a1", retry=False)

    await stand.messenger.update_card(posted("a1"), render(APPROVAL, "a1"), sent.response_code)

    assert stand.card("boss1").version == 2


REASONS = tuple(Option(id=f"r{i}", text=f"原因{i}") for i in range(12))


@pytest.mark.parametrize(
    ("card", "key", "selected"),
    [
        (
            replace(APPROVAL, choices=(Choice(key="why", title="原因", options=REASONS[:10]),), more=()),
            "reject|7",
            {"why": ["r3"]},
        ),
        (
            replace(
                APPROVAL,
                buttons=(),
                more=(),
                choices=(Choice(key="why", title="原因", options=REASONS),),
                submit=Button(text="确认驳回", key="rejected|7"),
            ),
            "rejected|7",
            {"why": ["r11"]},
        ),
        (
            replace(
                APPROVAL,
                buttons=(),
                more=(),
                choices=(
                    Choice(key="level", title="级别", options=REASONS[:3]),
                    Choice(key="time", title="时间", options=REASONS[:10], selected="r9"),
                ),
                submit=Button(text="启动熔断", key="fuse|7"),
            ),
            "fuse|7",
            {"level": ["r2"], "time": ["r9"]},
        ),
    ],
)
async def test_what_was_chosen_on_a_card_comes_back(
    stand: Stand, card: Card, key: str, selected: dict[str, list[str]]
) -> None:
    await stand.messenger.send_card(["boss1"], render(card, "c-1"), "c-1", retry=False)

    await stand.platform.press(Press(user="boss1", card_id="c-1", key=key, selected=selected))

    press = stand.last.press
    assert press is not None
    assert press.key == key
    assert {question: press.choice(question) for question in selected} == {
        question: ids[0] for question, ids in selected.items()
    }


async def test_a_card_against_the_rules_is_refused_before_the_call(stand: Stand) -> None:
    card = render(APPROVAL, "ap-7") | {"button_list": []}

    with pytest.raises(Refused, match="button_list"):
        await stand.messenger.send_card(["boss1"], card, "ap-7", retry=False)

    assert stand.platform.tokens.fetched == 0


# ------------------------------------------------------------------------------------------- tokens


async def test_a_token_lives_for_most_of_two_hours(stand: Stand) -> None:
    await stand.messenger.send_text("xiaoa", "1", retry=False)
    stand.clock.advance(timedelta(seconds=7200 * 0.79))
    await stand.messenger.send_text("xiaoa", "2", retry=False)
    assert stand.platform.tokens.fetched == 1

    stand.clock.advance(timedelta(seconds=7200 * 0.12))
    await stand.messenger.send_text("xiaoa", "3", retry=False)

    assert stand.platform.tokens.fetched == 2
    assert stand.texts("XiaoA") == ["1", "2", "3"]


async def test_a_token_revoked_early_is_renewed_and_the_call_replayed_once(stand: Stand) -> None:
    await stand.messenger.send_text("xiaoa", "1", retry=False)
    stand.faults.arm(FaultKind.TOKEN_EXPIRED, platform="wecom")

    await stand.messenger.send_text("xiaoa", "2", retry=False)

    assert stand.platform.tokens.fetched == 2
    assert stand.texts("XiaoA") == ["1", "2"]


async def test_a_token_refused_twice_is_given_up(stand: Stand) -> None:
    stand.faults.arm(FaultKind.TOKEN_EXPIRED, times=2, platform="wecom")

    with pytest.raises(TokenRejected, match="42001"):
        await stand.messenger.send_text("xiaoa", "1", retry=False)

    assert stand.platform.tokens.fetched == 2


async def test_a_wrong_secret_is_tried_once_a_minute_and_never_gets_us_banned(stand: Stand) -> None:
    wrong = stand.messenger_of(replace(SALES, secret="mistyped"))

    for _ in range(20):
        with pytest.raises(TokenRejected):
            await wrong.callback_ips()
    assert stand.platform.tokens.fetched == 1

    stand.clock.advance(timedelta(seconds=61))
    with pytest.raises(TokenRejected) as refused:
        await wrong.callback_ips()
    assert stand.platform.tokens.fetched == 2
    assert "mistyped" not in str(refused.value)


async def test_two_apps_have_two_tokens(stand: Stand) -> None:
    await stand.messenger.send_text("xiaoa", "1", retry=False)
    await stand.messenger_of(DEPOT).send_text("kuguan", "2", retry=False)

    assert stand.platform.tokens.fetched == 2
    assert stand.texts("kuguan") == ["2"]


# ------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (FaultKind.UNTRUSTED_IP, Refused),
        (FaultKind.RATE_LIMITED, RateLimited),
        (FaultKind.BUSY, PlatformBusy),
        (FaultKind.SERVER_ERROR, PlatformDown),
        (FaultKind.HTML_INSTEAD_OF_JSON, PlatformDown),
        (FaultKind.ACCEPT_THEN_ABORT, PlatformDown),
    ],
)
async def test_each_fault_is_told_by_what_must_be_done_about_it(
    stand: Stand, fault: FaultKind, error: type[Exception]
) -> None:
    stand.faults.arm(fault, platform="wecom")

    with pytest.raises(error):
        await stand.messenger.send_text("xiaoa", "1", retry=False)


async def test_a_rate_ban_says_how_long_it_lasts(stand: Stand) -> None:
    stand.faults.arm(FaultKind.RATE_LIMITED, platform="wecom")

    with pytest.raises(RateLimited) as refused:
        await stand.messenger.send_text("xiaoa", "1", retry=False)

    assert refused.value.retry_after == 60.0


async def test_a_spent_code_is_told_as_a_gone_card(stand: Stand) -> None:
    sent = await stand.messenger.send_card(["boss1"], render(APPROVAL, "a1"), "a1", retry=False)
    stand.faults.arm(FaultKind.CODE_SPENT, platform="wecom")

    with pytest.raises(CardGone, match="60140"):
        await stand.messenger.update_card(posted("a1"), render(DONE, None), sent.response_code)


async def test_nothing_is_ever_dropped_in_silence(stand: Stand) -> None:
    waits: list[float] = []
    for _second in range(600):
        try:
            await stand.messenger.send_text("xiaoa", "加急", retry=False)
        except RateLimited as limited:
            waits.append(limited.retry_after or 0.0)
        stand.clock.advance(timedelta(seconds=1))

    assert stand.platform.silently_dropped == []
    assert len(stand.texts("XiaoA")) == 600 - len(waits)
    assert 0 < min(waits) <= max(waits) <= 4


async def test_a_busy_member_does_not_hold_up_another(stand: Stand) -> None:
    for _ in range(10):
        await stand.messenger.send_text("xiaoa", "1", retry=False)

    with pytest.raises(RateLimited, match="xiaoa:minute"):
        await stand.messenger.send_text("xiaoa", "1", retry=False)
    await stand.messenger.send_text("boss1", "2", retry=False)

    assert stand.texts("boss1") == ["2"]


# ------------------------------------------------------------------------------------------- media


async def test_pictures_and_files_arrive_under_their_chinese_names(stand: Stand) -> None:
    await stand.messenger.send_image("xiaoa", PNG, "拣货图.png")
    await stand.messenger.send_file("xiaoa", b"PK\x03\x04" + bytes(50), '订单 "一"\r\n.xlsx')

    picture, file = [m for m in stand.platform.chat("XiaoA") if not m.from_me]

    assert picture.image == PNG
    assert file.filename == "订单 _一___.xlsx"


@pytest.mark.parametrize(("data", "code"), [(b"", "44001"), (b"12345", "44001"), (b"GIF89a....", "40004")])
async def test_a_picture_that_wecom_would_refuse_is_not_uploaded(stand: Stand, data: bytes, code: str) -> None:
    with pytest.raises(Refused, match=code):
        await stand.messenger.send_image("xiaoa", data, "x.png")


async def test_what_people_send_is_fetched_until_it_is_three_days_old(stand: Stand) -> None:
    await stand.platform.send_image("XiaoA", JPG)
    await stand.platform.send_file("XiaoA", b'{"errcode": 40007}', filename="订单.json")
    picture, file = [inbound.media[0] for inbound in stand.inbounds()]

    assert (await stand.messenger.download(picture.handle, kind=picture.kind))[0] == JPG
    assert await stand.messenger.download(file.handle, kind=file.kind) == (b'{"errcode": 40007}', "订单.json")

    stand.clock.advance(timedelta(days=3, seconds=1))
    with pytest.raises(MediaGone, match="40007"):
        await stand.messenger.download(picture.handle, kind=picture.kind)


async def test_a_file_beyond_20_mb_is_refused(stand: Stand) -> None:
    await stand.platform.send_file("XiaoA", bytes(20 * 1024 * 1024 + 1), filename="大.bin")

    with pytest.raises(FileRefused, match="too_many_bytes"):
        await stand.messenger.download(stand.last.media[0].handle, kind="file")


# ------------------------------------------------------------------------------------------- the rest


async def test_the_menu_is_installed_and_its_taps_come_back(stand: Stand) -> None:
    await stand.messenger.install_menu()

    await stand.platform.tap_menu("XiaoA", "mine")
    mine = stand.last
    await stand.platform.tap_menu("XiaoA", "scan_out", scan_result="EAN_13,6901234567892")
    scan = stand.last
    await stand.platform.tap_menu("XiaoA", "photo_order", pictures=[JPG])
    photo = stand.last

    assert (mine.kind, mine.text) == (MessageKind.MENU, "mine")
    assert (scan.kind, scan.text) == (MessageKind.SCAN, "6901234567892")
    assert photo.kind is MessageKind.IMAGE
    assert len(stand.platform.menu("XiaoA")) == sum(len(top["sub_button"]) for top in MENU)


async def test_a_menu_too_wide_is_refused_before_the_call(stand: Stand) -> None:
    with pytest.raises(Refused, match="4 entries"):
        await stand.messenger.install_menu((*MENU, MENU[0]))


async def test_a_message_can_be_taken_back_for_a_day(stand: Stand) -> None:
    sent = await stand.messenger.send_text("xiaoa", "错了", retry=False)

    await stand.messenger.recall(sent.provider_id)

    assert "错了" not in stand.texts("XiaoA")


async def test_a_members_record_and_the_callback_addresses_can_be_asked(stand: Stand) -> None:
    assert (await stand.messenger.member("xiaoa"))["name"] == "销售A"
    assert "127.0.0.1" in await stand.messenger.callback_ips()
    with pytest.raises(NotReachable):
        await stand.messenger.member("nobody")


async def test_a_picture_sent_again_with_its_handle_is_shown_once(stand: Stand) -> None:
    handle = await stand.messenger.upload_image(PNG, "拣货图.png")
    stand.faults.arm(FaultKind.ACCEPT_THEN_ABORT)
    with pytest.raises(PlatformDown):
        await stand.messenger.send_image("xiaoa", PNG, "拣货图.png", handle=handle)

    await stand.messenger.send_image("xiaoa", PNG, "拣货图.png", handle=handle, retry=True)

    assert [message.kind for message in stand.platform.chat("xiaoa")] == ["image"]


async def test_who_is_full_does_not_use_up_the_places_of_the_others(stand: Stand) -> None:
    for n in range(10):
        await stand.messenger.send_text("boss2", f"{n}", retry=False)
    for _ in range(20):
        with pytest.raises(RateLimited):
            await stand.messenger.send_card(["boss1", "boss2"], render(APPROVAL, "ap-9"), "ap-9", retry=False)

    for n in range(10):
        await stand.messenger.send_text("boss1", f"{n}", retry=False)
