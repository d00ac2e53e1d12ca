"""The eight tables of master data as people fill them in (newcomer page, section 9)."""

from __future__ import annotations

from bot.masters.columns import Column, Reference, Table
from bot.masters.kinds import (
    BIN,
    CODE,
    CODES,
    DATE,
    FLAG,
    REGION,
    REGIONS,
    TEXT,
    TIME,
    WORDS,
    choice,
    decimal,
    several,
    whole,
)
from bot.masters.rows import (
    GRADES,
    HOMES,
    QC,
    ROLES,
    TIERS,
    bin_faults,
    copied,
    lot_faults,
    part,
    part_faults,
    part_values,
    person,
    person_faults,
    person_values,
    place_faults,
)
from core.catalog import Bin, CalendarDay, Carrier, Customer, Warehouse
from core.people import PlatformName
from core.stock import Lot

PEOPLE = Table(
    key="people",
    title="人员与角色",
    also=("人员", "员工"),
    identity=("id",),
    columns=(
        Column(header="工号", key="id", kind=CODE, required=True, example="E0001"),
        Column(header="姓名", key="name", kind=TEXT, required=True, example="销售A"),
        Column(
            header="角色",
            key="roles",
            kind=several(ROLES),
            required=True,
            default=[],
            example="销售代表",
            note="多个角色用 、 隔开",
        ),
        Column(header="区域", key="region", kind=REGION, example="沪", note="省份简称;总部的人留空"),
        Column(header="门店", key="store", kind=CODE, example="SH01"),
        Column(header="仓库", key="warehouse", kind=CODE, note="仓管员、仓储组长必须有;其他人留空"),
        Column(
            header="常用平台",
            key="home",
            kind=choice(HOMES, also={"企微": PlatformName.WECOM}),
            default=PlatformName.WECOM,
            example="企业微信",
            note="消息先发到这里",
        ),
        Column(header="企微账号", key="wecom", kind=CODE, example="xiaoshou_a", note="企业微信通讯录里的“账号”,小写"),
        Column(header="钉钉账号", key="dingtalk", kind=CODE, note="钉钉的 userId"),
        Column(header="在职", key="active", kind=FLAG, default=True, example="是", note="离职填 否,不要删行"),
    ),
    references=(Reference(columns=("warehouse",), table="warehouses"),),
    rows_of=lambda masters: masters.people,
    values_of=person_values,
    build=person,
    faults=person_faults,
)

CUSTOMERS = Table(
    key="customers",
    title="客户",
    also=("客户资料",),
    identity=("code",),
    columns=(
        Column(header="客户编码", key="code", kind=CODE, required=True, example="K0231", also=("编码", "客户号")),
        Column(header="名称", key="name", kind=TEXT, required=True, example="华锐汽修", also=("客户名称",)),
        Column(
            header="区域",
            key="region",
            kind=REGION,
            required=True,
            example="苏",
            note="收货的省份简称,决定由哪些物流商送",
        ),
        Column(header="门店", key="store", kind=CODE, example="JS01"),
        Column(header="电话", key="phone", kind=CODE, example="138-0000-0231"),
        Column(header="地址", key="address", kind=TEXT),
        Column(header="等级", key="tier", kind=choice(TIERS), default=3, example="普通"),
        Column(header="冻结", key="frozen", kind=FLAG, default=False, example="否", note="冻结客户的单不能提交"),
        Column(
            header="备货天数",
            key="lead_days",
            kind=whole(0, 365),
            default=2,
            example="2",
            note="没写交期时承诺的工作日",
        ),
        Column(header="启用", key="active", kind=FLAG, default=True, example="是", note="停用填 否,不要删行"),
    ),
    rows_of=lambda masters: masters.customers,
    build=lambda values: Customer(**values),
    values_of=copied("code", "name", "region", "store", "phone", "address", "tier", "frozen", "lead_days", "active"),
)

PARTS = Table(
    key="parts",
    title="物料",
    also=("物料资料", "SKU"),
    identity=("number",),
    columns=(
        Column(
            header="物料号",
            key="number",
            kind=CODE,
            required=True,
            example="04465-0K240",
            also=("编码", "SKU", "物料编码"),
        ),
        Column(header="名称", key="name", kind=TEXT, required=True, example="前刹车片", also=("品名", "物料名称")),
        Column(header="类别", key="family", kind=TEXT, example="制动"),
        Column(header="单位", key="unit", kind=TEXT, default="个", example="套"),
        Column(header="包装数", key="pack", kind=whole(1), default=1, example="1", note="整箱几个;不按整箱订会提醒"),
        Column(header="位置", key="position", kind=TEXT, example="前", note="左前、右后、成对 …"),
        Column(
            header="级别",
            key="grade",
            kind=choice(GRADES, also={"品牌件(OES)": "品牌件"}),
            default="品牌件",
            example="品牌件",
        ),
        Column(
            header="安全库存",
            key="safety_stock",
            kind=whole(),
            default=None,
            example="120",
            note="全网合计;订量超 200% 要主管确认",
        ),
        Column(header="重量g", key="weight_g", kind=whole(0), default=500, example="1500", also=("重量", "重量(g)")),
        Column(header="替代件", key="superseded_by", kind=CODE, note="停产后由哪个物料号替代"),
        Column(header="OE号", key="oe", kind=CODES, default=[], note="多个用 ; 隔开"),
        Column(header="品牌号", key="brand_numbers", kind=CODES, default=[], note="多个用 ; 隔开"),
        Column(header="别名", key="aliases", kind=WORDS, default=[], note="大家平时怎么写它,多个用 ; 隔开"),
        Column(header="俗称", key="trade_names", kind=WORDS, default=[], note="聊天里的叫法,多个用 ; 隔开"),
        Column(header="启用", key="active", kind=FLAG, default=True, example="是", note="停用填 否,不要删行"),
    ),
    references=(Reference(columns=("superseded_by",), table="parts"),),
    rows_of=lambda masters: masters.parts,
    values_of=part_values,
    build=part,
    faults=part_faults,
)

WAREHOUSES = Table(
    key="warehouses",
    title="仓库",
    identity=("code",),
    columns=(
        Column(header="编码", key="code", kind=CODE, required=True, example="KS", also=("仓库编码",)),
        Column(header="名称", key="name", kind=TEXT, required=True, example="昆山中心仓", also=("仓库名称",)),
        Column(header="地址", key="address", kind=TEXT, example="江苏省昆山市示例路 1 号"),
        Column(
            header="经度",
            key="longitude",
            kind=decimal(70, 140),
            default=None,
            example="120.98",
            note="高德坐标 (GCJ-02)",
        ),
        Column(header="纬度", key="latitude", kind=decimal(0, 60), default=None, example="31.38"),
        Column(header="月台", key="dock", kind=TEXT, example="2号月台"),
        Column(header="联系人", key="contact", kind=TEXT, example="仓储组长"),
        Column(header="服务省份", key="regions", kind=REGIONS, default=[], example="沪、苏、浙", note="近的写在前面"),
    ),
    rows_of=lambda masters: masters.warehouses,
    build=lambda values: Warehouse(**values),
    faults=place_faults,
    values_of=copied("code", "name", "address", "longitude", "latitude", "dock", "contact", "regions"),
)

BINS = Table(
    key="bins",
    title="库位",
    identity=("warehouse", "label"),
    columns=(
        Column(header="仓库", key="warehouse", kind=CODE, required=True, example="KS", also=("仓库编码",)),
        Column(
            header="库位",
            key="label",
            kind=BIN,
            required=True,
            example="A-03-12-4-02",
            note="区-排-架-层-箱",
            also=("库位号",),
        ),
        Column(
            header="x(米)",
            key="x",
            kind=decimal(-1000, 1000),
            default=None,
            example="9",
            note="站在货架前的位置;没量过就留空",
            also=("x", "X"),
        ),
        Column(header="y(米)", key="y", kind=decimal(-1000, 1000), default=None, example="16", also=("y", "Y")),
    ),
    references=(Reference(columns=("warehouse",), table="warehouses"),),
    faults=bin_faults,
    rows_of=lambda masters: masters.bins,
    build=lambda values: Bin(**values),
    values_of=copied("warehouse", "label", "x", "y"),
)

LOTS = Table(
    key="lots",
    title="批次库存",
    also=("库存",),
    identity=("warehouse", "lot_no", "part_number", "bin"),
    columns=(
        Column(header="仓库", key="warehouse", kind=CODE, required=True, example="KS", also=("仓库编码",)),
        Column(header="库位", key="bin", kind=BIN, required=True, example="A-03-12-4-02", also=("库位号",)),
        Column(
            header="物料号",
            key="part_number",
            kind=CODE,
            required=True,
            example="04465-0K240",
            also=("物料", "物料编码"),
        ),
        Column(header="批次号", key="lot_no", kind=CODE, required=True, example="B251103-07", also=("批次",)),
        Column(
            header="在库",
            key="on_hand",
            kind=whole(),
            required=True,
            default=0,
            example="44",
            note="架上的总数,占用的也算在内",
        ),
        Column(header="破损", key="damaged", kind=whole(), default=0, example="0"),
        Column(header="质检状态", key="qc", kind=choice(QC), required=True, default=None, example="合格"),
        Column(header="入库日期", key="received_on", kind=DATE, required=True, default=None, example="2025-11-03"),
        Column(header="有效期", key="expires_on", kind=DATE, default=None, note="最后一个可用日;不会过期的留空"),
    ),
    references=(
        Reference(columns=("warehouse",), table="warehouses"),
        Reference(columns=("part_number",), table="parts"),
        Reference(columns=("warehouse", "bin"), table="bins"),
    ),
    faults=lot_faults,
    rows_of=lambda masters: masters.lots,
    build=lambda values: Lot(**values),
    values_of=copied(
        "warehouse", "bin", "part_number", "lot_no", "on_hand", "damaged", "qc", "received_on", "expires_on"
    ),
)

CARRIERS = Table(
    key="carriers",
    title="物流商",
    also=("物流商与运力",),
    identity=("code", "warehouse"),
    columns=(
        Column(
            header="编码",
            key="code",
            kind=CODE,
            required=True,
            example="SF-KS",
            note="一个仓一个编码",
            also=("物流商编码",),
        ),
        Column(header="名称", key="name", kind=TEXT, required=True, example="顺丰", also=("物流商",)),
        Column(header="仓库", key="warehouse", kind=CODE, required=True, example="KS", also=("仓库编码",)),
        Column(
            header="截单",
            key="cutoff",
            kind=TIME,
            required=True,
            default=None,
            example="15:30",
            note="每天最晚交件的时间",
            also=("截单时间",),
        ),
        Column(
            header="日运力", key="capacity", kind=whole(), required=True, default=0, example="200", note="每天最多几件"
        ),
        Column(header="服务省份", key="regions", kind=REGIONS, required=True, default=[], example="沪、苏、浙"),
        Column(
            header="天数", key="days", kind=whole(0, 60), default=1, example="1", note="在途天数", also=("在途天数",)
        ),
    ),
    references=(Reference(columns=("warehouse",), table="warehouses"),),
    rows_of=lambda masters: masters.carriers,
    build=lambda values: Carrier(**values),
    values_of=copied("code", "name", "warehouse", "cutoff", "capacity", "regions", "days"),
)

CALENDAR = Table(
    key="calendar",
    title="工作日历",
    also=("日历", "放假安排"),
    identity=("day",),
    columns=(
        Column(header="日期", key="day", kind=DATE, required=True, default=None, example="2027-01-01"),
        Column(
            header="上班",
            key="works",
            kind=FLAG,
            required=True,
            default=None,
            example="否",
            note="放假填 否;调休上班、公司加班填 是。没列的日子按国务院安排",
        ),
        Column(header="备注", key="note", kind=TEXT, example="元旦", note="一年填满 15 天以上,该年的交期不再标“暂定”"),
    ),
    rows_of=lambda masters: masters.calendar,
    build=lambda values: CalendarDay(**values),
    values_of=copied("day", "works", "note"),
)

TABLES: tuple[Table, ...] = (WAREHOUSES, PARTS, PEOPLE, CUSTOMERS, BINS, LOTS, CARRIERS, CALENDAR)
"""What is referred to comes before what refers to it."""
BY_KEY = {table.key: table for table in TABLES}
SHEET_ORDER: tuple[Table, ...] = (PEOPLE, CUSTOMERS, PARTS, WAREHOUSES, BINS, LOTS, CARRIERS, CALENDAR)
"""The order of the sheets in a workbook."""
