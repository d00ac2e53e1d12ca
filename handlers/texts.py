"""Every sentence that people read, one function each: what happened → what it means → what to do.

Use cases and handlers name the function and keep its arguments; the words are made when the message is sent, from
the same arguments each time, so that a repeated send is byte for byte the same. Times come as ISO text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from cards import wording
from core.approvals import STEP_LABEL, Step, Verdict
from core.clock import local
from core.expedite import LEVEL_LABEL, Level
from core.orders import OrderStatus

EXAMPLE = "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要"

MOST_BYTES = 2048
"""Bytes of a text message; WeCom cuts what is longer [90236]."""

# ---------------------------------------------------------------- small words


def _at(iso: str) -> str:
    """``02-23 13:15``."""
    return f"{local(datetime.fromisoformat(iso)):%m-%d %H:%M}" if iso else "未定"


def _hm(iso: str) -> str:
    return f"{local(datetime.fromisoformat(iso)):%H:%M}"


_STEPS = {
    "expedite_at_risk:": "提前 2 小时",
    "expedite_final:1h": "提前 1 小时",
    "approval_reminder:": "到时限前",
}
"""Steps of an escalation that a downtime swallowed, as the notice that speaks for them names them."""


def _delayed(minutes: int, skipped: Sequence[str] = ()) -> str:
    """``(提醒迟到 12 分钟,提前 1 小时的提醒未发)``; nothing when the notice is on time."""
    parts = [f"提醒迟到 {minutes} 分钟"] if minutes > 0 else []
    parts += [f"{'、'.join(_STEPS.get(x, x) for x in skipped)}的提醒未发"] if skipped else []
    return f"({','.join(parts)})" if parts else ""


def _status(value: str) -> str:
    return wording.STATUS[OrderStatus(value)]


def _listed(head: str, rows: Sequence[str], *, newest_last: bool = False) -> str:
    """The head and as many rows as one message holds, and how many are left: the platforms cut without saying so."""
    kept: list[str] = []
    room = MOST_BYTES - len(head.encode()) - len("\n…还有 99 条".encode())
    for row in reversed(rows) if newest_last else rows:
        room -= len(row.encode()) + 1
        if room < 0:
            break
        kept.append(row)
    left = [f"…还有 {len(rows) - len(kept)} 条"] if len(kept) < len(rows) else []
    return "\n".join([head, *left, *reversed(kept)] if newest_last else [head, *kept, *left])


# ---------------------------------------------------------------- who may do what


def unknown_person(account: str) -> str:
    return f"还没有登记你的账号({account})。请回复“绑定 工号”,或联系管理员登记后再发单。"


def outsider() -> str:
    return "只接收本企业员工的消息。请用企业账号登录后再发,或联系管理员开通机器人。"


def not_your_role(wanted: str) -> str:
    return f"这一步由{wanted}处理,你没有权限。需要的话请直接联系他们。"


def not_your_order(number: str, owner: str) -> str:
    return f"只有首责人 {owner} 或管理员可修订 {number}。可回复“催 {number}”提醒TA。"


def not_your_decision(number: str, step: str, role: str, names: str) -> str:
    return f"{number} 的{step}由 {role} {names} 处理,你没有权限,单据没有变化。"


def no_self_approval(number: str) -> str:
    return f"{number} 是你自己提交的,不能自己审批。请等其他同事处理。"


def digest(items: Sequence[tuple[str, dict[str, object]]]) -> str:
    """Several notices that piled up for one person, in their order and in full."""
    said = [f"{nth}. {render(sentence, args)}" for nth, (sentence, args) in enumerate(items, start=1)]
    return "\n".join([f"你有 {len(items)} 条消息,合并如下:", *said])


# ---------------------------------------------------------------- receiving


def help_text(roles: Sequence[str]) -> str:
    lines = [
        "发订单:直接发文字、拍照或文件,例如",
        f"  {EXAMPLE}",
        "改草稿:2行 20 / 交期 3/8 / 客户 K0231 / 确认 / 作废",
        "查询:查 SO… / 我的单 / 溯源 SO… / 库存 物料号",
    ]
    if "sales" in roles:
        lines.append("加急:加急 SO… 红 15:30 竞品抢单")
    if {"tech", "supervisor", "tech_director"} & set(roles):
        lines.append("审批:同意 SO… / 驳回 SO… 原因 / 待办")
    if {"picker", "warehouse_lead"} & set(roles):
        lines.append("仓库:待办 / 领 W… / 少拣 数量 原因 / 出 批次号 数量")
    if "logistics" in roles:
        lines.append("物流:运力 顺丰 200")
    return "\n".join(lines[:8])


def welcome(name: str, roles: Sequence[str]) -> str:
    if {"picker", "warehouse_lead"} & set(roles):
        what = "新波次会推到这里;回复“待办”看要拣的,扫码出库点菜单。"
    elif {"tech", "supervisor", "tech_director", "ops_director", "sales_director"} & set(roles):
        what = "要你处理的单会推到这里,点卡片按钮就行;回复“待办”看全部。"
    else:
        what = "把订单直接发给我(文字、照片、文件都行),我来核对、提醒、跟到出库。"
    return f"{name},你好。{what}回复“帮助”看用法。"


def not_understood() -> str:
    return f"没看懂。下单可以这样发:{EXAMPLE}\n回复“帮助”看全部用法。"


def no_order_found() -> str:
    return "没识别到订单。请拍清楚整张单据重发,或直接打字:客户 物料号 数量 交期。"


def picture_received(place: int) -> str:
    return f"收到图片,识别中…(排第{place}位)"


def file_received(filename: str) -> str:
    return f"收到《{filename}》,解析中…"


def file_refused(reason: str) -> str:
    return {
        "empty": "文件是空的(0 字节),没有处理。请重新发送。",
        "unknown_kind": "这种文件读不了。请发 xlsx、csv、pdf 或照片(JPG/PNG)。",
        "too_many_bytes": "文件太大,没有处理(图片上限 10 MB,文件上限 20 MB)。请压缩或分开发送。",
        "too_many_pixels": "图片尺寸太大,没有处理。请直接用手机拍照发送。",
        "too_many_pages": "PDF 超过 20 页,没有处理。请拆开发送。",
        "too_many_rows": "表格超过 2 万行,没有处理。请拆开发送。",
        "broken": "文件打不开,可能没传完整。请重新拍照或导出后再发。",
        "bomb": "文件内容异常,没有处理。请另存为普通 xlsx 后再发。",
        "password": "文件有密码,读不了。请去掉密码后再发。",
        "old_format": "旧版格式(xls/doc)读不了。请另存为 xlsx 或 pdf 后再发。",
        "no_sheet": "表格里没有可读的内容(隐藏表不读)。请核对后再发。",
        "too_slow": "文件太复杂,识别超时。请裁剪后重发,或直接打字。",
        "reader_failed": "文件识别失败。请重拍一张,或直接打字。",
    }.get(reason, "文件读不了,请换一种方式发送。")


def media_gone() -> str:
    return "图片已过期,平台上取不到了。请重发图片。"


def voice_not_supported() -> str:
    return "这里听不了语音,请发文字或图片。"


def voice_decides_nothing(text: str) -> str:
    return f"听到“{text[:20]}”。审批、确认这类操作请打字或点卡片按钮,语音不作数。"


def aibot_greeting(name: str) -> str:
    return (
        f"{name},你好。订单直接发到这里:文字、语音、照片、Excel、PDF 都行;群里要@我。"
        "草稿卡、审批和提醒由“接单”应用发给你。"
    )


def aibot_where_to_look() -> str:
    return "收到。草稿卡和后续提醒由“接单”应用发给你,请到那里查看、点按钮。"


def aibot_received() -> str:
    return "收到,请到“接单”应用看结果。"


def aibot_not_stored() -> str:
    return "系统暂时存不下这条消息,没有处理。请过一两分钟再发一次。"


def kind_not_supported(kind: str) -> str:
    names = {"video": "视频", "location": "位置", "link": "链接"}
    return f"暂不处理{names.get(kind, '这类消息')}。下单请发文字、照片或文件。"


def will_retry() -> str:
    return "这条消息处理时出了点问题,已留存,稍后自动重试,不用重发。"


def queued() -> str:
    return "⏳ 排队中:现在消息较多,你发的已收到,会按先后顺序处理,不用重发。"


def parked(code: str) -> str:
    return f"此消息无法处理,已转人工({code})。单子急的话请直接打字重发一次。"


def admin_parked(code: str, person: str, reason: str, page: str = "") -> str:
    where = f"打开处理:{page}" if page else "回复“搁置”查看,“重发 编号”重试。"
    return f"有一条消息处理失败已搁置({code}):{person} · {reason}。{where}"


def backup_failed(why: str) -> str:
    return f"昨晚的备份不完整:{why}。请检查备份目录的空间和权限,然后在服务器上运行 jiedan backup 补一份。"


def admin_alarm(text: str) -> str:
    return f"⚠️ {text}"


def audit_alarm(kind: str, subjects: Sequence[str], count: int) -> str:
    """What the auditor found, and what to do about it."""
    which = "、".join(subjects) + (f" 等 {count} 项" if count > len(subjects) else "")
    said = {
        "missing_timer": f"自检发现时限丢失:{which}。已自动补上,请跟进这些单子。",
        "overdue_timer": f"时限到点没有触发:{which}。请检查机器人是否卡住,必要时重启。",
        "stuck_lease": f"有任务卡住没人处理:{which}。请检查机器人进程,必要时重启。",
        "muted_sender": f"消息发不出去:{_platforms(subjects)}。请检查网络和应用密钥,急事先打电话。",
        "slow_sender": f"消息积压超过 15 分钟:{_platforms(subjects)}。请检查限流和网络。",
        "inbox_waits": "有消息等了 5 分钟还没处理。请检查机器人进程和数据库。",
        "broken_chain": f"溯源记录被改动:{which}。请保留现场,运行 jiedan audit verify 核对。",
        "broken_anchor": f"溯源封存对不上,可能有记录被删改:{which}。请保留现场,运行 jiedan audit verify 核对。",
        "anchor_file": "溯源封存写不进外部文件。请检查 anchor_file 所在的磁盘和权限。",
        "silent_replica": f"副本没有响应:{which}。请检查那台机器,其余副本在继续处理。",
        "clock_skew": f"服务器时钟不准:{which}。请校准时间(NTP)。",
        "low_disk": f"磁盘快满了,只剩 {which}。请尽快清理或扩容。",
        "database_away": f"数据库连不上:{which}。请检查数据库服务。",
        "audit_failed": f"自检没能做完:{which}。请查看日志,并把日志发给维护人员。",
        "spool_left": f"副本 {which} 还有消息没入库。请启动这个副本,消息会自动补入。",
    }
    return f"⚠️ {said.get(kind, which)}"


def quota_exhausted() -> str:
    return "⚠️ 钉钉本月消息额度已用完,新消息收不到内容。请尽快升级专业版或加购,期间请大家改走企业微信。"


def deadline_parked(ref: str, what: str, reason: str) -> str:
    subject = {"waves": "波次", "calendar": "工作日历"}.get(ref, ref)
    return (
        f"🔴 {subject} 的定时提醒({what})连续 5 次没有执行成功,已搁置:{reason}。请先处理原因,再回复“搁置”查看并重发。"
    )


def calendar_unpublished(year: int) -> str:
    return (
        f"📅 {year} 年的节假日安排还没有录入,涉及 {year} 年的交期按周一至周五推算,均为暂定。"
        f"国务院公布后,请在主数据“工作日历”表填好 {year} 年的放假和调休,导入即生效。"
    )


def quota_used(what: str, percent: int, used: int, limit: int) -> str:
    name = "接口调用" if what == "api" else "消息收发"
    return f"⚠️ 钉钉本月{name}已用 {used}/{limit}({percent}%)。用完后钉钉将收发失败,请评估升级专业版或加购。"


def bound(name: str, number: str) -> str:
    return f"已绑定:{name}({number})。现在可以发单了。"


def bind_request(name: str, number: str, account: str, platform: str, nick: str) -> str:
    where = wording.PLATFORM.get(platform, platform)
    who = f"{where}账号 {account}({nick or '未知昵称'})"
    return f"{who}申请绑定 {name}({number})。核实后回复:绑定 {number} {where} {account}"


def bind_asked(number: str) -> str:
    return f"绑定 {number} 的申请已转管理员,核实后会通知你。"


def bind_unknown(number: str) -> str:
    return f"工号 {number} 不存在,请核对后重发“绑定 工号”。"


def bind_taken(number: str) -> str:
    return f"工号 {number} 在本平台已绑定其他账号,请联系管理员。"


# ---------------------------------------------------------------- drafts and orders


def order_unknown(number: str, near: Sequence[str] = ()) -> str:
    hint = f"最接近的是:{'、'.join(near)}" if near else "请核对单号"
    return f"没有 {number} 这张单。{hint}。"


def which_order(digits: str, numbers: Sequence[str]) -> str:
    return f"尾号 {digits} 有 {len(numbers)} 张单:{'、'.join(numbers)}。请写完整单号。"


def which_draft(numbers: Sequence[str]) -> str:
    return f"你有 {len(numbers)} 张草稿:{'、'.join(numbers)}。请写明单号,例如“修订 {numbers[0]} 2行 20”。"


def no_draft() -> str:
    return "没有待修改的草稿。下单请直接发:客户 物料号 数量 交期。"


def no_such_line(number: str, position: int, lines: int) -> str:
    return f"{number} 只有 {lines} 行,没有第 {position} 行,未修改。"


def correction_unclear(text: str) -> str:
    return f"没看懂“{text}”。可以这样改:2行 20 / 2行 物料 04465-33471 / 交期 3/8 / 客户 K0231。"


def correction_unreadable(text: str, line: int | None = None) -> str:
    where = f"第 {line} 行" if line else ""
    return f"{where}“{text}”看不懂,未修改。可以这样改:2行 20 / 交期 3/8 / 客户 K0231。"


def part_unclear(line: int, text: str, candidates: Sequence[str]) -> str:
    near = f"相近的有:{'、'.join(candidates)}。" if candidates else ""
    return f"第 {line} 行的物料号 {text} 对不上,未修改。{near}请回复“{line}行 物料号”。"


def customer_unclear(text: str, candidates: Sequence[str]) -> str:
    near = f"相近的有:{'、'.join(candidates)}。" if candidates else ""
    return f"客户“{text}”对不上,未修改。{near}请回复“客户 编码”。"


def quantity_unclear(line: int, text: str, readings: Sequence[int]) -> str:
    ways = f"可能是 {' 或 '.join(str(r) for r in readings)}。" if readings else ""
    return f"第 {line} 行的数量“{text}”不明确,未修改。{ways}请回复“{line}行 20”。"


def due_unclear(text: str, readings: Sequence[object] = ()) -> str:
    return f"交期“{text}”看不懂或有歧义,未修改。请回复“交期 3/8”。"


def which_line(number: str = "", lines: int = 0) -> str:
    return "这张单有好几行,请写明行号,例如“2行 20”。"


def no_suggestions(number: str) -> str:
    return f"{number} 没有可直接采用的建议,请逐条修改。"


def still_red(number: str, count: int) -> str:
    return f"{number} 还有 {count} 处🔴必须先改,改完再提交。"


def already_submitted(number: str, status: str) -> str:
    return f"{number} 已经提交过了,现在是【{_status(status)}】,无需重复操作。"


def order_wrong_state(number: str, status: str) -> str:
    return f"{number} 现在是【{_status(status)}】,不能这样操作。回复“查 {number}”看下一步。"


def order_closed(number: str, status: str) -> str:
    return f"{number} {_status(status)},不能再改。需要的话请发新单。"


def order_released(number: str) -> str:
    return f"{number} 已下到仓库,不能直接改。请联系仓储组长收回后再修订。"


def already_cancelled(number: str) -> str:
    return f"{number} 已经作废了。"


def my_orders(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "你最近没有订单。"
    return _listed("我的单", [f"{number} {customer} {state} · {step}" for number, customer, state, step in rows])


def history(number: str, rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f"{number} 未修改过。"
    lines = [f"{_at(at)} {by} {field}:{old or '空'} → {new}" for at, by, field, old, new in rows]
    return _listed(f"{number} 修改记录", lines, newest_last=True)


def nudged(number: str, by: str) -> str:
    return f"{by} 提醒你处理 {number},请看一下。"


def nudge_ok(number: str, names: str) -> str:
    return f"已提醒 {names} 处理 {number}。"


def draft_unsubmitted(number: str, owner: str, customer: str, late: int) -> str:
    return f"⏰ {owner} 的草稿 {number}({customer or '客户未定'})超过时限仍未提交{_delayed(late)}。请提醒TA提交或作废。"


def draft_reminder(number: str, to: str) -> str:
    return f"⏰ 草稿 {number} 还没提交,已通知 {to}。请尽快确认提交或作废。"


# ---------------------------------------------------------------- approvals


def order_approved(number: str, by: str, at: str) -> str:
    return f"✅ {number} 已由 {by} 于 {_hm(at)} 通过,等下一波次下仓。"


def order_rejected(number: str, by: str, reason: str) -> str:
    return f"❌ {number} 被驳回:{reason}({by})。点卡片【改单重提】,或回复“修订 {number} …”。"


def reject_note(number: str, by: str, note: str) -> str:
    return f"{by} 对 {number} 的驳回说明:{note}"


def reject_note_prompt(number: str) -> str:
    return f"已驳回 {number}。如需补充说明,10 分钟内直接回复即可。"


def reject_note_saved(number: str) -> str:
    return f"说明已记入 {number},并转给首责人。"


def reject_needs_reason(number: str) -> str:
    return f"驳回必须选原因。请回复“驳回 {number} 原因”,例如“驳回 {number} 车型不适配”。"


def reason_unclear(text: str, options: Sequence[str]) -> str:
    listed = "\n".join(f"{i} {o}" for i, o in enumerate(options, start=1))
    return f"没有“{text}”这个原因。请回复序号:\n{listed}"


def already_decided(number: str, by: str, verdict: str, at: str, platform: str) -> str:
    verb = "通过" if verdict == Verdict.APPROVED else "驳回"
    return f"{by} 已于 {_hm(at)} 在{wording.PLATFORM.get(platform, platform)}{verb} {number},无需处理。"


def request_closed(number: str) -> str:
    return f"{number} 的这次审批已结束,单据没有变化。回复“查 {number}”看最新状态。"


def request_unknown() -> str:
    return "没有找到这次审批,可能已撤回。回复“待办”看当前要处理的单。"


def card_outdated(number: str, revision: int) -> str:
    return f"{number} 已改到 v{revision},旧卡片失效,请看新卡。"


def nothing_to_do() -> str:
    return "这张卡片只是通知,无需操作。"


def card_over(title: str, outcome: str) -> str:
    return f"{title}:{outcome}。上面那张卡片已失效,无需再点。"


def card_forged() -> str:
    return "这个按钮无法识别,没有做任何修改。请用最新的卡片,或直接打字操作。"


def nothing_to_approve(number: str) -> str:
    return f"{number} 现在没有待审批的环节。回复“查 {number}”看进度。"


def approval_reminder(number: str, step: str, due: str, late: int = 0) -> str:
    return (
        f"⏰ {number} {STEP_LABEL[Step(step)]}将于 {_hm(due)} 到时限{_delayed(late)},"
        f"请尽快处理:同意 {number} / 驳回 {number} 原因"
    )


def approval_caught_up(number: str, step: str, due: str, late: int, skipped: Sequence[str]) -> str:
    return (
        f"⏰ {number} {STEP_LABEL[Step(step)]}已于 {_at(due)} 超时{_delayed(late, skipped)},"
        f"现在你也可以审批:同意 {number} / 驳回 {number} 原因"
    )


def pending_list(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "没有待你审批的单。"
    return _listed("待审批", [f"{number} {customer} {step} 截止 {_at(due)}" for number, customer, step, due in rows])


# ---------------------------------------------------------------- warehouse


def no_picks() -> str:
    return "暂无待拣。"


def todo(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "暂无待拣。"
    return _listed(
        "仓库待办",
        [
            f"{i}. {mark}{number} {orders}单 截单 {_hm(cutoff)} {state}"
            for i, (number, mark, orders, cutoff, state) in enumerate(rows, start=1)
        ],
    )


def pick_list_unknown(number: str) -> str:
    return f"没有 {number} 这个拣货单。回复“待办”看当前波次。"


def pick_list_closed(number: str) -> str:
    return f"{number} 已结束或已收回,无需处理。"


def other_warehouse(number: str, warehouse: str) -> str:
    return f"{number} 是 {warehouse} 仓的波次,不归你的仓库,没有领取。回复“待办”看本仓波次。"


def claimed_by_other(number: str, by: str, at: str) -> str:
    return f"{number} 已由 {by} 于 {_hm(at)} 领取。回复“待办”看其他波次。"


def already_yours(number: str) -> str:
    return f"{number} 你已经领了,请按当前站继续拣。"


def claim_first(number: str) -> str:
    return f"请先领取 {number}:点【领取波次】或回复“领 {number}”。"


def no_claimed_list() -> str:
    return "你还没领波次,没有出库。请先回复“待办”领取。"


def all_picked(number: str) -> str:
    return f"{number} 已全部拣完,请扫箱上【批次码】出库。"


def stop_done(number: str, bin: str) -> str:
    return f"{number} 的 {bin} 这一站已处理过,请看最新卡片。"


def pick_unclaimed(number: str, orders: int, cutoff: str, late: int = 0) -> str:
    return f"⏰ 波次 {number}({orders} 单)还没人领,{_hm(cutoff)} 截单{_delayed(late)}。请安排人领取。"


def short_needs_reason(number: str) -> str:
    return "少拣必须有原因:空架、破损、批次不符、找不到、质检冻结、数量不符。例如“少拣 3 破损”。"


def short_quantity(asked: int, found: int) -> str:
    return f"这一站要 {asked},实拣 {found} 不对:应在 0 到 {asked - 1} 之间。足数请点【已拣{asked}】。"


def short_saved(part: str, missing: int, elsewhere: int) -> str:
    if elsewhere >= missing:
        return f"已登记少拣 {missing} 个 {part},备选货位有货,已加到路线末尾。"
    return f"已登记少拣 {missing} 个 {part},其他货位也不够,已通知首责销售和仓储组长。"


def line_short(number: str, part: str, missing: int, reason: str) -> str:
    return f"🟡 {number} 的 {part} 缺 {missing} 个(仓库:{reason})。其余先发,缺的部分自动转为补发单。"


def sent_back(number: str) -> str:
    return f"🟡 {number} 拣货时全部缺货,一件未发,已退回待波次,下一波次重新排。急的话请联系仓储组长。"


def backorder_opened(number: str, origin: str) -> str:
    return f"{origin} 的缺货部分已转为补发单 {number},到货后自动排波次。"


def discrepancy(bin: str, lot: str, part: str, missing: int, reason: str, by: str) -> str:
    return f"账实不符待核:{bin} 批次 {lot} {part} 少 {missing}({reason},{by} 报)。账面未改,请安排盘点。"


def scan_how(number: str) -> str:
    return "出库三种办法:菜单点“扫码出库”扫箱上批次码;拍条码照片发来;或回复“出 批次号 数量”。"


def scanned_out(lot: str, quantity: int, orders: Sequence[str], left: int) -> str:
    tail = f",还剩 {left} 行未出" if left else ",本单全部出库"
    return f"✅ {lot} ×{quantity} 已出库({'、'.join(orders)}){tail}。"


def scan_wrong_lot(lot: str, part: str, received: str, qc: str, want: str, order: str) -> str:
    scanned = f"{lot}({part},{received} 入库,质检 {qc})"
    return f"❌ 批次不符,未出库\n你扫的 {scanned}\n订单要 {want or '——'}\n请重扫正确批次;库存没有变化。"


def scan_product_code(code: str, want: str) -> str:
    return f"这是商品码 {code},请扫箱上【批次码】。" + (f"要的是 {want}。" if want else "")


def scan_unknown(code: str, want: str) -> str:
    return f"❌ 没有批次 {code},未出库。" + (f"要的是 {want}。" if want else "") + "请重扫。"


def scan_already_out(lot: str, order: str, want: str) -> str:
    return f"{lot} 已随 {order} 出过库,没有重复出。" + (f"下一个要扫 {want}。" if want else "")


def scan_too_many(lot: str, wanted: int, got: int) -> str:
    return f"❌ {lot} 只要 {wanted},你报了 {got},未出库。请按 {wanted} 出。"


def scan_quantity(lot: str, wanted: int, got: int) -> str:
    return f"❌ {lot} 要 {wanted},报 {got} 对不上任何一行,未出库。不足请先报“少拣”。"


def not_held(lot: str, asked: int, held: int) -> str:
    return f"❌ {lot} 只占用 {held},要出 {asked},未出库。请联系仓储组长核对库存。"


def count_below_held(lot: str, counted: int, held: int) -> str:
    return f"{lot} 盘点数 {counted} 少于已占用 {held},未写入。请先收回占用再盘点。"


def order_shipped(number: str, customer: str, by: str, at: str, waybill: str, short: Sequence[Sequence[object]]) -> str:
    tail = "(" + "、".join(f"{part} 缺{missing}" for part, missing in short) + ")" if short else ""
    return f"📦 {number} {customer} 已于 {_hm(at)} 出库{tail},运单 {waybill},经手 {by}。"


def must_ship_stuck(number: str, reason: str) -> str:
    return f"🔴 今日必发 {number} 这一波没排上:{wording.left_out(reason)}。请尽快协调。"


def capacity_set(carrier: str, parcels: int) -> str:
    return f"已设 {carrier} 今日运力 {parcels} 件,下一波次生效。"


def carrier_unknown(text: str, names: Sequence[str]) -> str:
    return f"没有物流商“{text}”。可选:{'、'.join(names)}。"


# ---------------------------------------------------------------- stock and trace


def part_unknown(text: str, near: Sequence[str]) -> str:
    return f"物料 {text} 不存在。" + (f"相近的有:{'、'.join(near)}。" if near else "请核对后重发。")


def stock(
    part: str,
    name: str,
    available: int,
    on_hand: int,
    held: int,
    frozen: int,
    as_of: str,
    lots: Sequence[Sequence[object]],
) -> str:
    head = f"{part} {name} · 可用 {available} / 在库 {on_hand}(占用{held} 冻结{frozen}) · 截至 {_hm(as_of)}"
    if not lots:
        return head + "\n没有库存。"
    rows = [
        f"{lot}  入库{received}  质检{qc}  {house} {bin}  可用 {free}" for lot, received, qc, house, bin, free in lots
    ]
    return _listed(head, rows)


def stock_how() -> str:
    return "查库存请回复“库存 物料号”,例如:库存 04465-0K240 昆山"


def bin_content(bin: str, rows: Sequence[Sequence[object]], as_of: str) -> str:
    if not rows:
        return f"{bin} 没有库存 · 截至 {_hm(as_of)}"
    return _listed(
        f"{bin} · 截至 {_hm(as_of)}", [f"{part} 批次 {lot} 在库 {n} 可用 {free}" for part, lot, n, free in rows]
    )


def lot_content(lot: str, rows: Sequence[Sequence[object]], as_of: str) -> str:
    if not rows:
        return f"没有批次 {lot}。"
    body = [
        f"{part} {house} {bin} 入库{received} 质检{qc} 在库 {n} 可用 {free}"
        for part, house, bin, received, qc, n, free in rows
    ]
    return _listed(f"批次 {lot} · 截至 {_hm(as_of)}", body)


def trace_text(ref: str, verified: bool, broken: int, rows: Sequence[Sequence[str]]) -> str:
    state = "链校验 ✅" if verified else f"链校验 ❌ 第 {broken} 条被改动,请联系管理员"
    lines = [f"{_at(at)} {what} {who}{'·' + where if where else ''}" for at, what, who, where in rows]
    return _listed(f"全链路溯源 {ref} · {len(rows)} 个事件 · {state}", lines, newest_last=True)


def nothing_found(text: str) -> str:
    return f"没有找到“{text}”的记录,请核对单号。"


# ---------------------------------------------------------------- expedite


def expedite_shipped(number: str, at: str) -> str:
    return f"{number} {_at(at)} 已出库,不能加急。"


def expedite_wrong_state(number: str, status: str) -> str:
    return f"{number} 现在是【{_status(status)}】,提交后才能加急。"


def expedite_no_stock(number: str) -> str:
    return f"{number} 可用库存为 0,加急也发不出。请先回复“库存 物料号”看到货或换仓。"


def expedite_time_past(number: str, at: str, cutoffs: Sequence[str]) -> str:
    slots = f"今天还可选:{'、'.join(cutoffs)}" if cutoffs else "今天已无可行截单"
    return f"{number} 的最晚发货时间 {_at(at)} 已过。{slots}。"


def expedite_needs_reason(number: str) -> str:
    return f"加急必须选原因,例如:加急 {number} 红 15:30 竞品抢单。"


def expedite_needs_level(number: str) -> str:
    return f"加急要写等级和时间,例如:加急 {number} 红 15:30 竞品抢单。等级:黄 / 橙 / 红。"


def expedite_too_many_reds(number: str, limit: int) -> str:
    return f"你已有 {limit} 张红色加急在途,{number} 最多可报橙色。请回复:加急 {number} 橙 时间 原因。"


def expedite_over(number: str) -> str:
    return f"{number} 的加急已结束,无需处理。"


def expedite_taken(number: str, by: str) -> str:
    return f"{number} 已由 {by} 接手协调。"


def expedite_pinned(number: str, level: str, latest: str, status: str) -> str:
    where = {"pending": "审批中,通过后立刻下仓", "approved": "马上排入波次"}.get(status, "请先拣这一单")
    return f"⚡{LEVEL_LABEL[Level(level)]} 置顶 {number} {_at(latest)} 前必须发出,{where}。"


def expedite_still_in(number: str, step: str, latest: str, late: int = 0, skipped: Sequence[str] = ()) -> str:
    when = {"2h": "最晚发货时间临近", "1h": "还剩 1 小时"}.get(step, "已到最晚发货时间")
    if late or skipped:
        shown = _at(latest) if late >= 60 else _hm(latest)
        when = "已过最晚发货时间" if step == "0h" else "最晚发货时间临近"
        return f"🔴 {number} {when}({shown}),仍未出库{_delayed(late, skipped)}。请马上协调。"
    return f"🔴 {number} {when}({_hm(latest)}),仍未出库。"


def urged(number: str, by: str, latest: str) -> str:
    return f"⚡ {by} 催 {number}" + (f",最晚 {_at(latest)} 发出" if latest else "") + ",请优先处理。"


def urged_ok(number: str, names: str) -> str:
    return f"已催 {names} 处理 {number}。"


# ---------------------------------------------------------------- administrator


def parked_list(rows: Sequence[Sequence[object]], page: str = "") -> str:
    if not rows:
        return "没有搁置的消息。"
    listed = _listed(
        "搁置的消息(回复“重发 编号”或“丢弃 编号”)",
        [f"{i} {source} {reason} {_at(str(at))}" for i, source, reason, at in rows],
    )
    return f"{listed}\n看全文和处理:{page}(12 小时内有效,仅限本人)" if page else listed


def parked_resent(letter: int, done: bool) -> str:
    return f"已重新处理 {letter}。" if done else f"没有待处理的搁置消息 {letter}。"


def parked_dropped(letter: int, done: bool) -> str:
    return f"已丢弃 {letter},记录保留。" if done else f"没有待处理的搁置消息 {letter}。"


def aibot_taken_over() -> str:
    return (
        "智能机器人被另一套系统连走了,群里和机器人会话里的订单现在收不到。"
        "请查是谁在用同一个机器人 ID 并停掉;半小时后这里会重新连接。"
    )


def aibot_refused(code: str) -> str:
    return (
        f"智能机器人的 ID 或 Secret 被拒绝({code}),群里和机器人会话里的订单现在收不到。"
        "请核对配置 wecom.aibot_id 和 aibot_secret;每分钟会重试,改对后重启。"
    )


def import_outdated(row: str) -> str:
    return f"导入期间 {row} 的账号已被别人占用,整份文件没有写入。请重新导出核对后再导入。"


def _platforms(names: Sequence[str]) -> str:
    return "、".join(wording.PLATFORM.get(n, n) for n in names)


SENTENCES: dict[str, Callable[..., str]] = {
    name: thing
    for name, thing in list(globals().items())
    if callable(thing) and not name.startswith("_") and getattr(thing, "__module__", "") == __name__
}


def render(sentence: str, args: dict[str, object]) -> str:
    """The words of a recorded notice. Raises KeyError for a sentence nobody wrote (a defect a test finds)."""
    return SENTENCES[sentence](**args)
