// One bubble as its owner sees it: text, picture, file, or a card with buttons.
import { attempt, call, enlarge, h } from "./dom.js";
import { markdown, plain } from "./text.js";

export const path = (phone, act) => `/sim/phones/${encodeURIComponent(phone)}/${act}`;

export function bubble(message, phone) {
  const side = message.mine ? "mine" : "theirs";
  const box = h("article", {
    class: `bubble ${side} ${message.kind}`,
    testid: "message",
    "data-kind": message.kind,
    "data-mine": message.mine ? "yes" : "no",
    "data-card": message.card,
    "data-version": message.version,
  });
  box.append(...(message.kind === "card" ? card(message, phone) : content(message)));
  if (message.toast) box.append(h("div", { class: "toast", testid: "toast" }, message.toast));
  return box;
}

function content(message) {
  const nodes = [];
  if (message.title && !message.mine) nodes.push(h("div", { class: "bubble-title" }, message.title));
  if (message.image) nodes.push(picture(message.image));
  if (message.kind === "file") nodes.push(file(message.filename));
  if (message.kind === "voice") nodes.push(h("div", { class: "voice" }, "▷ 语音"));
  if (message.kind === "video") nodes.push(h("div", { class: "voice" }, "▶ 视频"));
  if (message.markdown) nodes.push(h("div", { class: "md" }, ...markdown(message.markdown)));
  if (message.text) nodes.push(h("div", { class: "text" }, ...plain(message.text)));
  if (message.link) nodes.push(link(message.link));
  return nodes;
}

function card(message, phone) {
  const [source, ...rest] = message.text.split("\n");
  const nodes = [];
  const menu = message.buttons.filter((button) => button.menu);
  const head = h("div", { class: "card-head" }, h("span", {}, source || "接单"));
  if (menu.length) head.append(more(menu, message, phone));
  nodes.push(head);
  nodes.push(h("h3", { testid: "card-title" }, message.title));
  const below = rest.filter(Boolean);
  if (message.facts.length && below.length) nodes.push(h("p", { class: "lead" }, below.shift()));
  if (message.image) nodes.push(picture(message.image));
  if (message.facts.length) nodes.push(facts(message.facts));
  if (below.length) nodes.push(h("div", { class: "text" }, ...plain(below.join("\n"))));
  if (message.markdown) nodes.push(h("div", { class: "md" }, ...markdown(message.markdown)));
  const selected = {};
  message.choices.forEach((choice) => nodes.push(choose(choice, selected)));
  const live = message.buttons.filter((button) => !button.menu);
  if (message.submit) live.push(message.submit);
  if (live.length) nodes.push(h("div", { class: "buttons" }, ...live.map((button) => tappable(button, message, phone, selected))));
  if (message.link && !live.some((button) => button.url)) nodes.push(link(message.link));
  return nodes;
}

function facts(rows) {
  return h("dl", {}, ...rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

function choose(choice, selected) {
  selected[choice.key] = [...choice.selected];
  if (choice.multi || choice.options.length > 6 || !choice.title) return ticks(choice, selected);
  const options = choice.options.map((option) =>
    h("option", { value: option.id, selected: choice.selected.includes(option.id) }, option.text));
  return h("label", { class: "choice" }, h("span", {}, choice.title),
    h("select", { testid: "choice", disabled: choice.disabled, onchange: (e) => { selected[choice.key] = [e.target.value]; } }, ...options));
}

function ticks(choice, selected) {
  const name = `tick-${Math.random().toString(36).slice(2)}`;
  const boxes = choice.options.map((option) => {
    const box = h("input", {
      type: choice.multi ? "checkbox" : "radio", name, value: option.id,
      checked: choice.selected.includes(option.id), disabled: choice.disabled,
      onchange: () => { selected[choice.key] = [...group.querySelectorAll("input:checked")].map((i) => i.value); },
    });
    return h("label", { testid: "tick" }, box, h("span", {}, option.text));
  });
  const group = h("div", { class: "ticks" }, ...boxes);
  return choice.title ? h("div", { class: "choice" }, h("span", {}, choice.title), group) : group;
}

function tappable(button, message, phone, selected) {
  if (button.url) {
    const url = /^https?:/i.test(button.url) ? button.url : "#";
    return h("a", { class: `tap ${button.style}`, href: url, target: "_blank", rel: "noopener noreferrer" }, button.text);
  }
  return h("button", {
    class: `tap ${button.style}`, testid: "tap", disabled: button.disabled || !button.key,
    onclick: (event) => tap(event.currentTarget, button, message, phone, selected),
  }, button.text);
}

async function tap(element, button, message, phone, selected) {
  element.classList.add("busy");
  await attempt(() => call("POST", path(phone, "press"), { card: message.card, key: button.key, selected: button.menu ? {} : selected }));
  element.classList.remove("busy");
}

function more(entries, message, phone) {
  const list = h("div", { class: "more-list" }, ...entries.map((button) =>
    h("button", { testid: "tap", onclick: (event) => { list.parentElement.open = false; tap(event.currentTarget, button, message, phone, {}); } }, button.text)));
  return h("details", { class: "more" }, h("summary", { testid: "more" }, "更多"), list);
}

function picture(url) {
  return h("img", { class: "shot", src: url, alt: "图片", loading: "lazy", testid: "picture", onclick: () => enlarge(url) });
}

function file(name) {
  return h("div", { class: "file" }, h("span", { class: "sheet-icon" }, (name.split(".").pop() || "").slice(0, 4)), h("span", {}, name));
}

function link(url) {
  return h("a", { class: "open", href: /^https?:/i.test(url) ? url : "#", target: "_blank", rel: "noopener noreferrer" }, "查看详情 ›");
}
