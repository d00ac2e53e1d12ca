"""A card that only tells may carry a picture: a news notice on WeCom, a picture line on DingTalk."""

from __future__ import annotations

from cards import dingtalk, wecom
from cards.card import Card
from cards.wecom_rules import validate
from core.notices import CardKind

CARD = Card(
    kind=CardKind.ORDER,
    ref="SO260221-0137",
    source="接单 · 健康度",
    title="昨日订单健康度 82",
    subtitle="02-20",
    facts=(("入口", "漏单 0.2%"),),
    body="\n".join(f"第{n}行" for n in range(1, 7)),
    link="https://bot.example.com/o/1",
    picture="https://bot.example.com/p/1.png",
)


def test_on_wecom_it_is_a_news_notice_within_every_limit() -> None:
    payload = wecom.render(CARD, "he-1")

    assert payload["card_type"] == "news_notice"
    assert payload["card_image"] == {"url": "https://bot.example.com/p/1.png", "aspect_ratio": 1.5}
    assert [row["title"] for row in payload["vertical_content_list"]] == ["第1行", "第2行", "第3行", "第4行"]
    assert "sub_title_text" not in payload
    assert validate(payload) == []


def test_on_dingtalk_the_picture_stands_above_the_text() -> None:
    params = dingtalk.render(CARD)

    assert params["markdown"].startswith("![](https://bot.example.com/p/1.png)")
    assert dingtalk.validate(params) == []
