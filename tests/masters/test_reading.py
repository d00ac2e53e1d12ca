"""What a spreadsheet did to a value is a problem with a suggestion; nothing is coerced (F146)."""

from __future__ import annotations

from datetime import date, datetime, time
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from bot.masters import problem_sheet, read_workbook
from tests.masters.books import LOTS, PARTS, WAREHOUSE, book, saved, shop, told

# A spreadsheet's dates know no time zone.
IN_MAY, IN_NOVEMBER = datetime(2026, 5, 10), datetime(2025, 11, 3)  # noqa: DTZ001


def test_a_sound_file_is_usable_row_by_row() -> None:
    plan = read_workbook(shop(), "shop.xlsx")

    assert told(plan) == []
    assert plan.usable == 10
    lot = plan.rows["lots"][0]
    assert lot.number == 2
    assert lot.key == ("KS", "B251103-07", "04465-0K240", "A-03-12-4-02")
    assert lot.values["received_on"] == date(2025, 11, 3)


@pytest.mark.parametrize(
    ("value", "reason", "suggestion"),
    [
        (446500000000, "像被 Excel 改成了数字 4.465E+11", "列设为文本后重填,可能是 446500000000"),
        ("4.465E+11", "像被 Excel 改成了数字 4.465E+11,原来的位数已丢", "列设为文本后按原编码重填"),
        (4465, "编码存成了数字,开头的 0 可能已经丢了", "列设为文本后重填,现在是 4465"),
        (1234567890123456, "超过 15 位的数字,Excel 已把末尾改成 0", "列设为文本后按原编码重填"),
        ("1234567890123450", "超过 15 位的数字,Excel 会把末尾改成 0", "核对末几位,列设为文本后重填"),
        (IN_MAY, "像被 Excel 改成了日期 2026-05-10", "列设为文本后重填,原来可能是 5-10"),
        ("5月10日", "像被 Excel 改成了日期 5月10日", "列设为文本后按原编码重填"),
        ("10-May", "像被 Excel 改成了日期 10-May", "列设为文本后按原编码重填"),
        ("０４４６５－３３４７１", "有全角字符", "04465-33471"),
        ("04465-33471 ", "前后有空格,或夹着看不见的字符、换行", "04465-33471"),
        (" 04465-33471", "前后有空格,或夹着看不见的字符、换行", "04465-33471"),
        ("04465-\u200b33471", "前后有空格,或夹着看不见的字符、换行", "04465-33471"),
        ("04465-33471\n", "前后有空格,或夹着看不见的字符、换行", "04465-33471"),
        ("=A1", "单元格是公式,不是值", "复制后用“选择性粘贴 → 数值”贴回"),
        ("#N/A", "单元格是 Excel 的错误值 #N/A", "填上真实的值,或清空"),
        (True, "像被 Excel 改成了逻辑值 TRUE", "列设为文本后重填"),
        (None, "必填,这里是空的", "例如 04465-0K240"),
    ],
)
def test_a_damaged_part_number_is_never_taken(value: Any, reason: str, suggestion: str) -> None:
    plan = read_workbook(book(物料=[["物料号", "名称"], [value, "前刹车片"]]), "parts.xlsx")

    assert plan.usable == 0
    assert [(p.row, p.column, p.reason, p.suggestion) for p in plan.problems] == [(2, "物料号", reason, suggestion)]


@pytest.mark.parametrize("number", ["04465-0K240", "W 75/3", "04E 115 561 C", "13627525015", "0 986 452 041", "00123"])
def test_a_code_that_is_text_stays_as_it_was_assigned(number: str) -> None:
    plan = read_workbook(book(物料=[["物料号", "名称"], [number, "前刹车片"]]), "parts.xlsx")

    assert plan.rows["parts"][0].values["number"] == number


@pytest.mark.parametrize(
    ("column", "value", "reason", "suggestion"),
    [
        ("包装数", "1,200", "要数字", "1200"),
        ("包装数", "20个", "要数字", "20"),
        ("包装数", "２０", "有全角字符", "20"),
        ("包装数", 2.5, "要整数", "2"),
        ("包装数", 0, "要在 1 到 100000000 之间", ""),
        ("安全库存", -1, "要在 0 到 100000000 之间", ""),
        ("级别", "正厂", "不在可选值里", "原厂件 / 品牌件 / 售后件 / 再制造件 / 拆车件"),
        ("启用", "在用", "不在可选值里", "是 / 否"),
        ("名称", 205, "要文字,这里被 Excel 存成了数字", "列设为文本后重填"),
    ],
)
def test_other_columns_are_as_strict(column: str, value: Any, reason: str, suggestion: str) -> None:
    row = {"物料号": "04465-0K240", "名称": "前刹车片", column: value}

    plan = read_workbook(book(物料=[list(row), list(row.values())]), "parts.xlsx")

    assert [(p.column, p.reason, p.suggestion) for p in plan.problems] == [(column, reason, suggestion)]


@pytest.mark.parametrize("value", [date(2025, 11, 3), IN_NOVEMBER, "2025-11-03", "2025/11/3"])
def test_a_date_may_be_a_date_or_be_written_year_first(value: Any) -> None:
    lots = [LOTS[0], [*LOTS[1][:-1], value]]

    plan = read_workbook(
        book(仓库=WAREHOUSE, 物料=PARTS, 库位=[["仓库", "库位"], ["KS", "A-03-12-4-02"]], 库存=lots), "x.xlsx"
    )

    assert plan.rows["lots"][0].values["received_on"] == date(2025, 11, 3)


@pytest.mark.parametrize("value", [45964, "11/3/2025", "2025-02-30", "昨天", time(9, 14)])
def test_any_other_date_is_asked_for(value: Any) -> None:
    lots = [LOTS[0], [*LOTS[1][:-1], value]]

    plan = read_workbook(
        book(仓库=WAREHOUSE, 物料=PARTS, 库位=[["仓库", "库位"], ["KS", "A-03-12-4-02"]], 库存=lots), "x.xlsx"
    )

    assert plan.rows["lots"] == ()
    assert [(p.column, p.suggestion) for p in plan.problems] == [("入库日期", "按 2026-02-21 的样子填")]


@pytest.mark.parametrize(
    ("label", "suggestion"),
    [
        ("A-3-12-4-2", "A-03-12-4-02"),
        ("a-03-12-4-02", "A-03-12-4-02"),
        ("A架12层", "按 区-排-架-层-箱 填,例如 A-03-12-4-02"),
    ],
)
def test_a_bin_is_written_the_way_it_is_painted(label: str, suggestion: str) -> None:
    plan = read_workbook(book(仓库=WAREHOUSE, 库位=[["仓库", "库位"], ["KS", label]]), "x.xlsx")

    assert [(p.column, p.value, p.suggestion) for p in plan.problems] == [("库位", label, suggestion)]


def test_titles_above_the_headers_stars_and_renamed_headers_over_the_keys_are_understood() -> None:
    rows = [["2026 年物料总表"], [], ["编号(新)", "物料名称*"], ["number", "name"], ["04465-0K240", "前刹车片"]]

    plan = read_workbook(book(物料=rows), "parts.xlsx")

    assert [(r.number, dict(r.values)) for r in plan.rows["parts"]] == [
        (5, {"number": "04465-0K240", "name": "前刹车片"})
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_csv_is_read_in_the_encodings_of_chinese_excel(encoding: str) -> None:
    data = '物料号,名称,安全库存\n04465-0K240,前刹车片,120\n="00123",机油滤,500\n'.encode(encoding)

    plan = read_workbook(data, "物料.csv")

    assert told(plan) == []
    assert [r.values["number"] for r in plan.rows["parts"]] == ["04465-0K240", "00123"]


def test_a_comma_inside_a_csv_value_is_noticed() -> None:
    plan = read_workbook("物料号,名称\n04465-0K240,前刹车片,前轮\n".encode(), "parts.csv")

    assert [(p.row, p.value, p.reason) for p in plan.problems] == [(2, "前轮", "这一格在表头之外,不知道属于哪一列")]


def test_unknown_missing_and_repeated_columns_are_named() -> None:
    plan = read_workbook(
        book(
            物料=[["物料号", "名称", "颜色"], ["04465-0K240", "前刹车片", "黑"]],
            客户=[["客户编码", "名称"], ["K0231", "华锐汽修"]],
            仓库=[["编码", "名称", "名称"], ["KS", "昆山中心仓", "昆山"]],
        ),
        "x.xlsx",
    )

    assert plan.summary == "1 行可用,0 行有误,3 处表头问题"
    assert str(plan.problems[0]) == "仓库 名称 “名称”:同一列出现了两次;建议:只留一列"
    assert [(p.sheet, p.row, p.column, p.reason) for p in plan.problems] == [
        ("仓库", 0, "名称", "同一列出现了两次"),
        ("客户", 0, "区域", "缺少必填的列"),
        ("物料", 0, "颜色", "不认识的列,没有导入"),
    ]


def test_hidden_unknown_and_merged_sheets_are_not_passed_over_in_silence() -> None:
    workbook = Workbook()
    hidden, merged, unknown = workbook.worksheets[0], workbook.create_sheet("客户"), workbook.create_sheet("备忘")
    hidden.title = "物料"
    for sheet, rows in (
        (hidden, PARTS),
        (merged, [["客户编码", "名称", "区域"], ["K0231", "华锐汽修", "沪"]]),
        (unknown, [["明天开会"]]),
    ):
        for row in rows:
            sheet.append(row)
    hidden.sheet_state = "hidden"
    merged.merge_cells("C2:C3")

    plan = read_workbook(saved(workbook), "x.xlsx")

    assert plan.usable == 0
    assert {(p.sheet, p.reason) for p in plan.problems} == {
        ("物料", "工作表是隐藏的,没有读"),
        ("客户", "有合并单元格,只有左上角一格有值"),
        ("备忘", "认不出这张表是什么"),
    }


def test_the_sheet_of_problems_goes_back_with_row_value_reason_and_suggestion() -> None:
    plan = read_workbook(book(物料=[["物料号", "名称"], [4465, '=HYPERLINK("http://x")']]), "parts.xlsx")

    rows = list(load_workbook(BytesIO(problem_sheet(plan))).worksheets[0].iter_rows())

    assert [cell.value for cell in rows[0]] == ["工作表", "行号", "列", "值", "问题", "建议"]
    assert [cell.value for cell in rows[1]][:4] == ["物料", 2, "物料号", "4465"]
    formula = rows[2][3]
    assert (formula.value, formula.data_type, formula.quotePrefix) == ('=HYPERLINK("http://x")', "s", True)
