"""The people of the demo with the phones they carry; master data lists the same people by value."""

from __future__ import annotations

from simulator import dingtalk, wecom
from simulator.world import Persona

PERSONAS: tuple[Persona, ...] = (
    Persona(platform="wecom", user="xiaoshou_a", name="销售A", role="销售代表 · 沪"),
    Persona(platform="wecom", user="xiaoshou_b", name="销售B", role="销售代表 · 沪"),
    Persona(platform="dingtalk", user="jishu_jia", name="技术甲", role="技术部接口人"),
    Persona(platform="dingtalk", user="jishu_yi", name="技术乙", role="技术部接口人"),
    Persona(platform="dingtalk", user="zhuguan_a", name="主管A", role="销售主管"),
    Persona(platform="wecom", user="zhuguan_b", name="主管B", role="销售主管"),
    Persona(platform="wecom", user="jishu_zongjian", name="技术总监", role="技术总监"),
    Persona(platform="wecom", user="cangguan_a", name="仓管A", role="仓管员 · 昆山仓"),
    Persona(platform="wecom", user="cangguan_b", name="仓管B", role="仓管员 · 昆山仓"),
    Persona(platform="wecom", user="cangchu_zuzhang", name="仓储组长", role="仓储组长 · 昆山仓"),
    Persona(platform="wecom", user="wuliu", name="物流主管", role="物流主管"),
    Persona(platform="wecom", user="yunying_zongjian", name="运营总监", role="运营总监"),
    Persona(platform="wecom", user="xiaoshou_zongjian", name="销售总监", role="销售总监"),
    Persona(platform="wecom", user="quyu_hu", name="区域经理沪", role="区域经理 · 沪"),
    Persona(platform="dingtalk", user="jihua", name="计划主管", role="计划主管"),
    Persona(platform="wecom", user="caiwu", name="财务专员", role="财务专员"),
    Persona(platform="dingtalk", user="kefu", name="客服", role="客服"),
    Persona(platform="wecom", user="guanliyuan", name="管理员", role="IT · 值班管理员"),
)
"""Each with the messenger where they live; names are unique."""

OTHER_ACCOUNTS: tuple[Persona, ...] = (
    Persona(platform="dingtalk", user="xiaoshou_a_dd", name="销售A", role="销售代表 · 沪"),
    Persona(platform="wecom", user="jishu_jia_wx", name="技术甲", role="技术部接口人"),
    Persona(platform="wecom", user="zhuguan_a_wx", name="主管A", role="销售主管"),
    Persona(platform="dingtalk", user="cangguan_a_dd", name="仓管A", role="仓管员 · 昆山仓"),
)
"""The second account of people who are on both messengers."""

STRANGERS: tuple[Persona, ...] = (Persona(platform="wecom", user="xinren", name="新来的", role="还没登记的同事"),)
"""In the corp, but bound to no role: the bot must tell them how to get in."""

EVERYBODY = (*PERSONAS, *OTHER_ACCOUNTS, *STRANGERS)

FRONT_LINE = wecom.AibotGroup(chatid="wrFrontLineHu", members=("xiaoshou_a", "xiaoshou_b", "quyu_hu"))
"""The group “沪区前线” of the salespeople around Shanghai; the intelligent bot is in it."""

FIRST_PHONES = ("销售A", "技术甲", "主管A", "仓管A", "运营总监")
"""What the page shows before anybody touched it."""


def phone_id(persona: Persona) -> str:
    """``wecom:xiaoshou_a``: how the page names a phone."""
    return f"{persona.platform}:{persona.user}"


def find(name: str) -> Persona:
    """A person's main phone by name, or any phone by its id. Raises LookupError naming who there is."""
    for persona in EVERYBODY:
        if name in (persona.name, phone_id(persona)):
            return persona
    raise LookupError(f"nobody named {name!r}; there are {'、'.join(p.name for p in PERSONAS)}")


def wecom_members() -> list[wecom.Member]:
    """The corp's address book."""
    return [wecom.Member(userid=p.user, name=p.name, position=p.role) for p in EVERYBODY if p.platform == "wecom"]


def dingtalk_members() -> list[dingtalk.Member]:
    """The organisation's address book."""
    return [dingtalk.Member(user_id=p.user, name=p.name, title=p.role) for p in EVERYBODY if p.platform == "dingtalk"]
