"""What the demo company sells: fourteen families, each with its goods (domain page, section 8)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Goods:
    """One kind of part: name, positions it comes in, unit, pieces per box, grams, usual pieces on a shelf."""

    name: str
    positions: tuple[str, ...] = ("",)
    unit: str = "个"
    pack: int = 1
    grams: int = 500
    usual: int = 40


@dataclass(frozen=True, kw_only=True)
class Family:
    """``code`` stands in the part numbers; ``shelf_days`` for goods that age, else 0."""

    name: str
    code: str
    goods: tuple[Goods, ...]
    shelf_days: int = 0


_ENDS = ("前", "后")
_SIDES = ("左", "右")
_CORNERS = ("左前", "右前", "左后", "右后")

FAMILIES: tuple[Family, ...] = (
    Family(
        name="制动",
        code="ZD",
        goods=(
            Goods(name="刹车片", positions=_ENDS, unit="套", grams=1600, usual=60),
            Goods(name="刹车盘", positions=_ENDS, unit="对", grams=9800, usual=24),
            Goods(name="轮速传感器", positions=_CORNERS, grams=180),
        ),
    ),
    Family(
        name="滤清",
        code="LQ",
        goods=(
            Goods(name="机油滤清器", pack=10, grams=320, usual=200),
            Goods(name="空气滤清器", pack=6, grams=280, usual=120),
            Goods(name="空调滤清器", pack=10, grams=160, usual=120),
            Goods(name="燃油滤清器", grams=350, usual=60),
            Goods(name="变速箱滤清器", grams=420),
        ),
    ),
    Family(
        name="点火",
        code="DH",
        goods=(
            Goods(name="火花塞", unit="只", pack=4, grams=60, usual=160),
            Goods(name="点火线圈", grams=260, usual=60),
            Goods(name="高压线", unit="套", grams=300),
            Goods(name="曲轴位置传感器", grams=90),
            Goods(name="凸轮轴传感器", grams=90),
        ),
    ),
    Family(
        name="冷却",
        code="LN",
        goods=(
            Goods(name="水泵", grams=1500),
            Goods(name="节温器", grams=220),
            Goods(name="散热器", grams=5200, usual=12),
            Goods(name="冷却风扇", grams=3600, usual=12),
            Goods(name="水管", positions=("上", "下"), unit="根", grams=380),
        ),
    ),
    Family(
        name="悬挂",
        code="XG",
        goods=(
            Goods(name="减振器", positions=_CORNERS, grams=3900, usual=20),
            Goods(name="摆臂", positions=_SIDES, grams=3200, usual=16),
            Goods(name="稳定杆球头", positions=_SIDES, unit="只", pack=2, grams=300),
        ),
    ),
    Family(
        name="转向",
        code="ZX",
        goods=(
            Goods(name="转向拉杆球头", positions=_SIDES, unit="只", grams=420),
            Goods(name="转向助力泵", grams=3800, usual=10),
            Goods(name="方向机总成", grams=9500, usual=6),
            Goods(name="转向柱开关", grams=450),
            Goods(name="方向机防尘套", positions=_SIDES, grams=120),
        ),
    ),
    Family(
        name="传动",
        code="CD",
        goods=(
            Goods(name="正时皮带", unit="条", grams=260),
            Goods(name="多楔带", unit="条", grams=240),
            Goods(name="半轴", positions=_SIDES, unit="根", grams=7800, usual=10),
            Goods(name="离合器片", unit="套", grams=5600, usual=14),
            Goods(name="轮毂轴承", positions=_ENDS, grams=1900),
        ),
    ),
    Family(
        name="电器",
        code="DQ",
        goods=(
            Goods(name="发电机", grams=6200, usual=8),
            Goods(name="起动机", grams=4800, usual=8),
            Goods(name="雨刮电机", grams=1500),
            Goods(name="玻璃升降开关", positions=_CORNERS, grams=150),
            Goods(name="继电器", pack=10, grams=40, usual=150),
        ),
    ),
    Family(
        name="灯具",
        code="DJ",
        goods=(
            Goods(name="大灯总成", positions=_SIDES, grams=3100, usual=8),
            Goods(name="尾灯", positions=_SIDES, grams=1300, usual=12),
            Goods(name="雾灯", positions=_SIDES, grams=420),
            Goods(name="转向灯泡", unit="只", pack=10, grams=15, usual=200),
        ),
    ),
    Family(
        name="车身",
        code="CS",
        goods=(
            Goods(name="雨刮片", positions=("主", "副"), unit="只", pack=12, grams=160, usual=150),
            Goods(name="后视镜", positions=_SIDES, grams=1400, usual=10),
            Goods(name="保险杠", positions=_ENDS, grams=6800, usual=6),
            Goods(name="车门密封条", positions=_CORNERS, unit="根", grams=600),
        ),
    ),
    Family(
        name="油液",
        code="YY",
        shelf_days=730,
        goods=(
            Goods(name="机油 5W-30 4L", unit="桶", pack=4, grams=3700, usual=120),
            Goods(name="变速箱油 1L", unit="瓶", pack=12, grams=950, usual=96),
            Goods(name="防冻液 4L", unit="桶", pack=4, grams=4200, usual=80),
            Goods(name="制动液 1L", unit="瓶", pack=12, grams=1100, usual=72),
            Goods(name="密封胶", unit="支", pack=12, grams=110, usual=96),
            Goods(name="玻璃水 2L", unit="瓶", pack=6, grams=2000, usual=90),
            Goods(name="转向助力油 1L", unit="瓶", pack=12, grams=950, usual=60),
            Goods(name="燃油添加剂", unit="瓶", pack=24, grams=90, usual=120),
        ),
    ),
    Family(
        name="轮胎",
        code="LT",
        shelf_days=1095,
        goods=(
            Goods(name="轮胎 205/55R16", unit="条", grams=9200, usual=24),
            Goods(name="轮胎 215/60R16", unit="条", grams=9800, usual=24),
            Goods(name="轮胎 225/45R17", unit="条", grams=9900, usual=20),
            Goods(name="轮胎 235/50R18", unit="条", grams=11500, usual=16),
            Goods(name="气门嘴", unit="只", pack=50, grams=12, usual=300),
            Goods(name="备胎 T125/70", unit="条", grams=7800, usual=8),
            Goods(name="轮胎 185/65R15", unit="条", grams=8300, usual=24),
            Goods(name="胎压传感器", unit="只", pack=4, grams=35, usual=60),
        ),
    ),
    Family(
        name="电瓶",
        code="DP",
        shelf_days=365,
        goods=(
            Goods(name="电瓶 60Ah", unit="只", grams=15500, usual=16),
            Goods(name="电瓶 70Ah", unit="只", grams=17800, usual=16),
            Goods(name="启停电瓶 80Ah", unit="只", grams=21500, usual=10),
            Goods(name="电瓶 45Ah", unit="只", grams=12600, usual=16),
            Goods(name="启停电瓶 92Ah", unit="只", grams=24500, usual=8),
            Goods(name="货车电瓶 120Ah", unit="只", grams=32000, usual=6),
            Goods(name="辅助电瓶 12Ah", unit="只", grams=4200, usual=12),
            Goods(name="摩托电瓶 7Ah", unit="只", pack=4, grams=2600, usual=20),
        ),
    ),
    Family(
        name="工具",
        code="GJ",
        goods=(
            Goods(name="套筒扳手", unit="套", grams=5200, usual=10),
            Goods(name="扭力扳手", unit="把", grams=1800, usual=10),
            Goods(name="机滤扳手", unit="把", grams=450),
            Goods(name="千斤顶", unit="台", grams=9500, usual=6),
            Goods(name="诊断线", unit="根", grams=200),
            Goods(name="轮胎撬棒", unit="根", pack=5, grams=700),
            Goods(name="刹车分泵调整组", unit="套", grams=2300, usual=8),
            Goods(name="拉马", unit="套", grams=2600, usual=8),
        ),
    ),
)

SERIES = tuple(f"{letter}{number}" for letter in "SVEXMT" for number in (10, 30, 50))
"""Car series of the maker 华途, which does not exist."""
