"""Who acts: persons, their roles in the company, and the chat accounts they act from (I02, I03)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class PlatformName(StrEnum):
    """The messengers (and, later, the other ways in)."""

    WECOM = "wecom"  # 企业微信
    DINGTALK = "dingtalk"  # 钉钉


class Role(StrEnum):
    """Roles of the trade; one person may hold several (C6 of the feature list)."""

    SALES = "sales"  # 销售代表: first responsible for the orders they send
    REGIONAL = "regional"  # 区域经理
    SUPERVISOR = "supervisor"  # 主管: waives flags
    TECH = "tech"  # 技术部接口人: confirms the configuration
    TECH_DIRECTOR = "tech_director"  # 技术总监: receives what the tech department left undecided
    PLANNER = "planner"  # 计划主管
    PICKER = "picker"  # 仓管员/拣货员
    WAREHOUSE_LEAD = "warehouse_lead"  # 仓储组长
    LOGISTICS = "logistics"  # 物流主管
    FINANCE = "finance"  # 财务专员
    SERVICE = "service"  # 客服
    SALES_DIRECTOR = "sales_director"  # 销售总监
    OPS_DIRECTOR = "ops_director"  # 运营总监
    ADMIN = "admin"  # IT/值班管理员: sees parked messages and alarms


ROLE_LABEL: dict[Role, str] = {
    Role.SALES: "销售代表",
    Role.REGIONAL: "区域经理",
    Role.SUPERVISOR: "主管",
    Role.TECH: "技术部",
    Role.TECH_DIRECTOR: "技术总监",
    Role.PLANNER: "计划主管",
    Role.PICKER: "仓管员",
    Role.WAREHOUSE_LEAD: "仓储组长",
    Role.LOGISTICS: "物流主管",
    Role.FINANCE: "财务专员",
    Role.SERVICE: "客服",
    Role.SALES_DIRECTOR: "销售总监",
    Role.OPS_DIRECTOR: "运营总监",
    Role.ADMIN: "管理员",
}


@dataclass(kw_only=True)
class Person:
    """An employee. ``id`` is the employee number (工号), e.g. ``E0017``."""

    id: str
    name: str
    roles: list[Role]
    region: str = ""
    """Province code the person answers for: 沪, 苏, … ; empty for headquarters."""
    store: str = ""
    """Store code whose customers are this salesperson's default."""
    warehouse: str = ""
    """Warehouse code a picker works in."""
    home: PlatformName = PlatformName.WECOM
    """The messenger where this person lives: pushes go there first."""
    active: bool = True
    accounts: list[ChatAccount] = field(default_factory=list)

    def has(self, *roles: Role) -> bool:
        return any(role in self.roles for role in roles)

    def account_on(self, platform: PlatformName) -> ChatAccount | None:
        return next((a for a in self.accounts if a.platform == platform), None)


@dataclass(kw_only=True)
class ChatAccount:
    """A person's identity on one messenger. WeCom userids are case-folded before they are stored [90196]."""

    platform: PlatformName
    account: str
    person_id: str
