// The phones side by side: which are open, their chats, and what their owners can do.
import { attempt, byId, call, h, sheet } from "./dom.js";
import { bubble, path } from "./cards.js";

const PLATFORM = { wecom: "企业微信", dingtalk: "钉钉" };
const open = new Map();
let world = null;
let onWatch = () => {};
let counts = {};

export function setUp(given, watch) {
  world = given;
  onWatch = watch;
  const saved = JSON.parse(sessionStorage.getItem("phones") || "null");
  const known = new Set(world.people.map((person) => person.id));
  (saved || world.first).filter((id) => known.has(id)).forEach((id) => build(id));
  byId("strip").append(adder());
  remember();
}

export const watched = () => [...open.keys()];

export function show(ids) {
  const missing = ids.filter((id) => !open.has(id));
  missing.forEach((id) => build(id));
  if (missing.length) remember();
  const first = open.get(ids[0]);
  if (first) first.frame.scrollIntoView({ behavior: "smooth", block: "nearest", inline: "nearest" });
}

function remember() {
  sessionStorage.setItem("phones", JSON.stringify(watched()));
  byId("strip").style.setProperty("--count", open.size);
  onWatch(watched());
}

function build(id) {
  const person = world.people.find((one) => one.id === id);
  const chat = h("div", { class: "chat", testid: "chat" });
  const frame = h("section", { class: `phone ${person.platform}`, testid: "phone", "data-phone": id },
    h("header", { class: "phone-head", draggable: "true", title: "拖动可换位置", ondragstart: (event) => event.dataTransfer.setData("text/phone", id) },
      h("span", { class: "app" }, PLATFORM[person.platform]),
      h("div", { class: "who" }, h("b", {}, person.name), h("span", {}, person.role)),
      h("button", { class: "close", title: "收起这部手机", testid: "close-phone", onclick: () => close(id) }, "×")),
    chat);
  const phone = { id, person, frame, chat, elements: new Map(), menu: [] };
  phone.foot = composer(phone);
  frame.append(phone.foot);
  open.set(id, phone);
  const strip = byId("strip");
  strip.insertBefore(frame, strip.querySelector(".add"));
}

function close(id) {
  open.get(id).frame.remove();
  open.delete(id);
  remember();
}

// ------------------------------------------------------------------ what the server tells

export function update({ phone: id, order, changed, menu, first }) {
  const phone = open.get(id);
  if (!phone) return;
  const { chat, elements } = phone;
  const atEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 60;
  let grew = false;
  for (const message of changed) {
    const element = bubble(message, id);
    const old = elements.get(message.id);
    if (old) {
      if (!first) element.classList.add("repainted");
      old.replaceWith(element);
    } else {
      grew = true;
      if (!first) element.classList.add("new");
      element.dataset.at = message.at;
      chat.append(element);
    }
    element.dataset.at = message.at;
    elements.set(message.id, element);
  }
  for (const [key, element] of elements) {
    if (!order.includes(key)) {
      element.remove();
      elements.delete(key);
    }
  }
  stamps(phone, order);
  if (grew && !first && changed.some((message) => !message.mine)) ring(phone.frame);
  if (first || grew || atEnd) {
    chat.scrollTop = chat.scrollHeight;
    chat.querySelectorAll("img").forEach((image) => image.addEventListener("load", () => { chat.scrollTop = chat.scrollHeight; }, { once: true }));
  }
  if (JSON.stringify(menu) !== JSON.stringify(phone.menu)) {
    phone.menu = menu;
    drawMenu(phone);
  }
  chat.classList.toggle("empty", order.length === 0);
}

// A time line where the minute changes, as messengers draw it.
function stamps(phone, order) {
  phone.chat.querySelectorAll(".stamp").forEach((stamp) => stamp.remove());
  let last = "";
  for (const key of order) {
    const element = phone.elements.get(key);
    if (!element || element.dataset.at === last) continue;
    const at = element.dataset.at;
    element.before(h("div", { class: "stamp" }, at.slice(0, 5) === last.slice(0, 5) ? at.slice(6) : at));
    last = at;
  }
}

function ring(frame) {
  frame.classList.remove("ringing");
  void frame.offsetWidth;
  frame.classList.add("ringing");
}

export function setCounts(given) {
  counts = given;
}

// ------------------------------------------------------------------ what the owner does

function composer(phone) {
  const box = h("textarea", { rows: "1", placeholder: "发消息…", testid: "composer", "aria-label": `${phone.person.name} 发消息` });
  const grow = () => { box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight, 88)}px`; };
  const send = () => {
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    grow();
    attempt(() => call("POST", path(phone.id, "say"), { text }));
  };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  const tools = h("div", { class: "tools" },
    h("button", { title: "拍照或从相册选", testid: "photo", onclick: () => album(phone) }, "照片"),
    h("button", { title: "发文件", testid: "file", onclick: () => pick("", (file) => upload(phone, "file", file)) }, "文件"),
    h("button", { title: "扫批次码", testid: "scan", onclick: () => scan(phone) }, "扫码"));
  return h("footer", { class: "foot" },
    h("div", { class: "menu", testid: "menu" }), tools,
    h("div", { class: "compose" }, box, h("button", { class: "send", testid: "send", onclick: send }, "发送")));
}

function drawMenu(phone) {
  const bar = phone.foot.querySelector(".menu");
  bar.replaceChildren();
  const groups = new Map();
  phone.menu.forEach((entry) => {
    const name = entry.parent || entry.name;
    groups.set(name, [...(groups.get(name) || []), entry]);
  });
  for (const [name, entries] of groups) {
    if (entries.length === 1 && !entries[0].parent) {
      bar.append(h("button", { testid: "menu-entry", onclick: () => tapMenu(phone, entries[0]) }, name));
      continue;
    }
    const list = h("div", { class: "menu-list" }, ...entries.map((entry) =>
      h("button", { testid: "menu-entry", onclick: () => { group.open = false; tapMenu(phone, entry); } }, entry.name)));
    const group = h("details", { name: `menu-${phone.id}` }, h("summary", {}, name), list);
    bar.append(group);
  }
}

function tapMenu(phone, entry) {
  if (entry.kind.startsWith("scancode")) return scan(phone, entry.key);
  if (entry.kind.startsWith("pic_")) return album(phone);
  return attempt(() => call("POST", path(phone.id, "menu"), { key: entry.key }));
}

function scan(phone, key) {
  const input = h("input", { type: "text", placeholder: "箱上的批次码，如 B251103-07", testid: "scan-code", autocomplete: "off" });
  const go = () => {
    const code = input.value.trim();
    if (!code) return;
    close();
    attempt(() => key
      ? call("POST", path(phone.id, "menu"), { key, scan: code })
      : call("POST", path(phone.id, "scan"), { code }));
  };
  input.addEventListener("keydown", (event) => event.key === "Enter" && go());
  const codes = [...new Set((phone.chat.textContent.match(/\bB\d{6}-\d{2}\b/g) || []).reverse())].slice(0, 4);
  const close = sheet(h("div", { class: "panel small" },
    h("h2", {}, `${phone.person.name} 扫码`),
    h("div", { class: "finder" }, input),
    codes.length ? h("div", { class: "chips" }, ...codes.map((code) => h("button", { onclick: () => { input.value = code; go(); } }, code))) : null,
    h("button", { class: "go", testid: "scan-go", onclick: go }, "扫一下")));
  input.focus();
}

function album(phone) {
  const pictures = world.samples.map((sample) =>
    h("button", { class: "sample", testid: "sample", "data-sample": sample.id, onclick: () => {
      close();
      attempt(() => call("POST", path(phone.id, "photo"), { sample: sample.id }));
    } }, h("img", { src: sample.url, alt: "", loading: "lazy" }), h("span", {}, sample.title)));
  const close = sheet(h("div", { class: "panel" },
    h("h2", {}, `${phone.person.name} 发照片`),
    h("div", { class: "album" }, ...pictures),
    h("button", { class: "go", testid: "upload", onclick: () => pick("image/*", (file) => { close(); upload(phone, "photo", file); }) }, "从电脑选一张…")));
}

function pick(accept, use) {
  const input = h("input", { type: "file", accept, hidden: true, testid: "file-input" });
  input.addEventListener("change", () => { if (input.files[0]) use(input.files[0]); input.remove(); });
  byId("layer").append(input);
  input.click();
}

function upload(phone, act, file) {
  const form = new FormData();
  form.append("file", file, file.name);
  return attempt(() => call("POST", path(phone.id, act), form));
}

// ------------------------------------------------------------------ more phones, other order

function adder() {
  return h("button", { class: "add", testid: "add-phone", title: "再拿出一部手机", onclick: choosePerson }, h("span", {}, "+"), h("b", {}, "加手机"));
}

function choosePerson() {
  const rows = world.people.filter((person) => !open.has(person.id)).map((person) =>
    h("button", { class: `person ${person.platform}`, testid: "person", "data-phone": person.id, draggable: "true",
      onclick: () => { close(); show([person.id]); },
      ondragstart: (event) => { event.dataTransfer.setData("text/phone", person.id); setTimeout(() => document.querySelector(".back")?.classList.add("through")); },
      ondragend: () => close() },
    h("i", {}, PLATFORM[person.platform]), h("b", {}, person.name), h("span", {}, person.role),
    counts[person.id] ? h("em", {}, String(counts[person.id])) : null));
  const close = sheet(h("div", { class: "panel" }, h("h2", {}, "再拿出一部手机（点一下，或拖到手机旁边）"), h("div", { class: "people" }, ...rows)));
}

byId("strip").addEventListener("dragover", (event) => {
  if (event.dataTransfer.types.includes("text/phone")) event.preventDefault();
});
byId("strip").addEventListener("drop", (event) => {
  const id = event.dataTransfer.getData("text/phone");
  if (!id) return;
  event.preventDefault();
  if (!open.has(id)) show([id]);
  const before = [...open.values()].map((phone) => phone.frame)
    .filter((frame) => frame.dataset.phone !== id)
    .sort((a, b) => a.offsetLeft - b.offsetLeft)
    .find((frame) => event.clientX < frame.getBoundingClientRect().left + frame.offsetWidth / 2);
  byId("strip").insertBefore(open.get(id).frame, before || byId("strip").querySelector(".add"));
  const order = [...byId("strip").querySelectorAll(".phone")].map((frame) => frame.dataset.phone);
  const phones = order.map((key) => [key, open.get(key)]);
  open.clear();
  phones.forEach(([key, phone]) => open.set(key, phone));
  remember();
});
