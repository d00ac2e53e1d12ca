"""Workbooks as people send them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from openpyxl import Workbook

from bot.masters import ImportPlan

Row = list[Any]


def book(**sheets: list[Row]) -> bytes:
    """An xlsx with these sheets; values are stored as openpyxl stores them (``=…`` is a formula)."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    return saved(workbook)


def saved(workbook: Workbook) -> bytes:
    out = BytesIO()
    workbook.save(out)
    return out.getvalue()


def told(plan: ImportPlan) -> list[tuple[str, int, str, str, str, str]]:
    """The problems as they stand on the sheet of problems."""
    return [(p.sheet, p.row, p.column, p.value, p.reason, p.suggestion) for p in plan.problems]


WAREHOUSE = [["编码", "名称", "经度", "纬度", "服务省份"], ["KS", "昆山中心仓", 120.98, 31.38, "沪、苏、浙"]]
PARTS = [
    ["物料号", "名称", "单位", "包装数", "安全库存"],
    ["04465-0K240", "前刹车片", "套", 1, 120],
    ["90915-YZZD4", "机油滤", "个", 10, 500],
]
BINS = [["仓库", "库位", "x(米)", "y(米)"], ["KS", "A-03-12-4-02", 9, 16], ["KS", "隔离区", None, None]]
LOTS = [
    ["仓库", "库位", "物料号", "批次号", "在库", "质检状态", "入库日期"],
    ["KS", "A-03-12-4-02", "04465-0K240", "B251103-07", 44, "合格", "2025-11-03"],
]
PEOPLE = [
    ["工号", "姓名", "角色", "仓库", "企微账号", "钉钉账号"],
    ["E0001", "销售A", "销售代表、主管", None, "xiaoshou_a", None],
    ["E0008", "仓管A", "仓管员", "KS", "cangguan_a", "cg_a"],
]
CUSTOMERS = [["客户编码", "名称", "区域", "电话", "冻结"], ["K0231", "华锐汽修", "沪", "138-0000-0231", "否"]]
CARRIERS = [["编码", "名称", "仓库", "截单", "日运力", "服务省份"], ["SF-KS", "顺丰", "KS", "15:30", 200, "沪、苏"]]


def shop() -> bytes:
    """A small, sound file with all seven tables."""
    return book(
        仓库=WAREHOUSE, 物料=PARTS, 库位=BINS, 批次库存=LOTS, 人员与角色=PEOPLE, 客户=CUSTOMERS, 物流商=CARRIERS
    )
