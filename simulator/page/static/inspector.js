// The right side: what went over the wire, what the bot did wrong on it, and what an order's record says.
import { attempt, byId, call, h } from "./dom.js";

const rows = new Map();
const KEEP = 400;
let tab = "wire";
let filter = "";
let list, side, badge, stateBox, stateRef, violationList;

export function setUp() {
  list = h("div", { class: "rows", testid: "wire" });
  violationList = h("div", { class: "violations", testid: "violations" });
  stateBox = h("div", { class: "state", testid: "bot-state" });
  stateRef = h("input", { type: "text", placeholder: "单号 SO…", testid: "state-ref", spellcheck: "false" });
  stateRef.addEventListener("keydown", (event) => event.key === "Enter" && look());
  badge = h("em", { class: "badge", testid: "violation-count" }, "0");
  const panes = {
    wire: h("div", { class: "pane" }, filters(), list),
    state: h("div", { class: "pane" }, h("div", { class: "ask" }, stateRef, h("button", { testid: "state-go", onclick: look }, "查")), stateBox),
    violations: h("div", { class: "pane" }, violationList),
  };
  const tabs = [["wire", "线路"], ["state", "单据"], ["violations", "违规"]].map(([id, text]) =>
    h("button", { class: "tab", testid: `tab-${id}`, "data-tab": id, onclick: () => select(id, panes) }, text, id === "violations" ? badge : null));
  side = byId("inspector");
  side.append(
    h("header", {}, h("nav", {}, ...tabs), h("button", { class: "fold", testid: "fold", title: "收起 / 展开", onclick: fold }, "⟩")),
    ...Object.values(panes));
  select("wire", panes);
  if (innerWidth < 1180) side.classList.add("folded");
  violations([]);
}

function fold() {
  side.classList.toggle("folded");
}

function select(id, panes) {
  tab = id;
  side.querySelectorAll(".tab").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tab === id)));
  for (const [name, pane] of Object.entries(panes)) pane.hidden = name !== id;
  if (tab === "state" && !stateRef.value) newest();
}

function filters() {
  const choices = [["", "全部"], ["wecom", "企微"], ["dingtalk", "钉钉"], ["trouble", "异常"]];
  return h("div", { class: "filters" }, ...choices.map(([id, text]) =>
    h("button", { "aria-pressed": String(id === filter), onclick: (event) => {
      filter = id;
      event.target.parentElement.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", String(b === event.target)));
      list.dataset.filter = filter;
    } }, text)));
}

// ------------------------------------------------------------------ wire

export function wire(given, wrong) {
  for (const row of given) {
    const old = rows.get(row.id);
    const element = draw(row, old?.open);
    if (old) old.replaceWith(element);
    else list.prepend(element);
    rows.set(row.id, element);
  }
  while (rows.size > KEEP) {
    const [first, element] = rows.entries().next().value;
    element.remove();
    rows.delete(first);
  }
  violations(wrong);
}

function draw(row, open) {
  const arrow = row.direction === "to_bot" ? "→" : "←";
  const trouble = isTrouble(row);
  const status = row.status || (row.direction === "to_bot" ? "等待应答…" : "");
  const parts = [];
  if (row.note) parts.push(h("p", { class: "note" }, row.note));
  if (row.encrypted) parts.push(h("details", {}, h("summary", {}, "密文"), h("pre", {}, row.encrypted)));
  if (row.plain) parts.push(h("details", { open: true }, h("summary", {}, row.encrypted ? "解密后" : "内容"), h("pre", {}, pretty(row.plain))));
  return h("details", { class: `row ${row.platform} ${row.direction} ${trouble}`, testid: "wire-row", "data-id": row.id, "data-platform": row.platform, open },
    h("summary", {},
      h("span", { class: "at" }, row.at),
      h("span", { class: "arrow", title: row.direction === "to_bot" ? "平台 → 机器人" : "机器人 → 平台" }, arrow),
      h("span", { class: "label", title: row.label }, short(row.label)),
      h("span", { class: "took" }, row.took === null ? "" : `${row.took}ms`),
      status ? h("span", { class: "status", title: status }, status) : null),
    ...parts);
}

const short = (label) => label.replace(/https?:\/\/[^/]+/, "");

function isTrouble(row) {
  if (/violation|违规/i.test(row.note)) return "wrong";
  if (/fault|retry|dropped|refused/i.test(row.note)) return "fault";
  if (!row.status || /^(HTTP )?([12]\d\d|0|ok|ack 200|errcode 0)\b/i.test(row.status)) return "";
  return "odd";
}

function pretty(text) {
  return text.startsWith("<") ? text.replace(/(<\/[^>]+>|^<xml>)(?=<)/g, "$1\n") : text;
}

function violations(wrong) {
  badge.textContent = String(wrong.length);
  badge.classList.toggle("some", wrong.length > 0);
  violationList.replaceChildren(...(wrong.length
    ? wrong.map((text) => h("p", { class: "violation", testid: "violation" }, text)).reverse()
    : [h("p", { class: "calm" }, "没有违规：机器人一直按平台的规矩说话。"),
      h("p", { class: "hint" }, "真实平台会惩罚或悄悄吞掉的做法（超长、重复 task_id、应答格式不对…）会红字列在这里。")]));
}

// ------------------------------------------------------------------ state of an order

function newest() {
  const found = document.getElementById("strip").textContent.match(/SO\d{6}-\d{4,6}/g);
  if (!found) {
    stateBox.replaceChildren(h("p", { class: "calm" }, "先下一张单，这里看它在机器人里的状态。"));
    return;
  }
  stateRef.value = found.sort().pop();
  look();
}

async function look() {
  const ref = stateRef.value.trim();
  if (!ref) return newest();
  const state = await attempt(() => call("GET", `/sim/bot/state/${encodeURIComponent(ref)}`));
  if (!state) return undefined;
  const { page, ...rest } = state;
  const own = typeof page === "string" && new URL(page, location.href).origin === location.origin;
  if (own) {
    // The page refuses to be framed by its address, as it should; a copy of it shows the same.
    const copy = await (await fetch(page)).text();
    stateBox.replaceChildren(
      Object.keys(rest).length ? tree(rest) : "",
      h("iframe", { class: "record", srcdoc: copy, title: `${ref} 的记录`, testid: "record", sandbox: "allow-same-origin allow-popups" }),
      h("a", { class: "open", href: page, target: "_blank", rel: "noopener" }, "在新窗口打开 ›"));
    return undefined;
  }
  stateBox.replaceChildren(Object.keys(state).length ? tree(state) : h("p", { class: "calm" }, `机器人没有 ${ref} 的公开状态。`));
  return undefined;
}

function tree(value) {
  if (Array.isArray(value)) return h("ol", {}, ...value.map((item) => h("li", {}, tree(item))));
  if (value === null || typeof value !== "object") return document.createTextNode(value === null ? "—" : String(value));
  return h("dl", {}, ...Object.entries(value).map(([key, inner]) => h("div", { class: inner !== null && typeof inner === "object" ? "deep" : "" }, h("dt", {}, key), h("dd", {}, tree(inner)))));
}
