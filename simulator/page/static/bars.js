// Above and below the phones: clock, faults, restart, scenarios.
import { attempt, byId, call, h } from "./dom.js";
import { show } from "./phones.js";

const time = { now: 0, speed: 1, at: 0 };
let world = null;
let running = null;

export function setUp(given) {
  world = given;
  document.querySelectorAll("[data-minutes]").forEach((button) =>
    button.addEventListener("click", () => move({ minutes: Number(button.dataset.minutes) })));
  document.querySelectorAll("[data-to]").forEach((button) => button.addEventListener("click", () => move({ to: button.dataset.to })));
  byId("speed").addEventListener("click", () => move({ speed: time.speed > 1 ? 1 : 60 }));
  const restart = byId("restart");
  restart.disabled = !world.bot;
  if (!world.bot) restart.title = "模拟器是单独启动的，机器人在别的进程里";
  restart.addEventListener("click", () => attempt(() => call("POST", "/sim/bot/restart", {})));
  byId("switches").append(
    ...world.faults.map((fault) => h("button", { class: "switch", testid: "fault", "data-fault": fault.kind, title: fault.about,
      onclick: (event) => { flash(event.currentTarget); attempt(() => call("POST", "/sim/faults", { kind: fault.kind })); } }, fault.label, h("em", {}))),
    h("button", { class: "clear", testid: "faults-clear", title: "关掉所有故障", hidden: true, onclick: () => attempt(() => call("DELETE", "/sim/faults")) }, "清除"));
  byId("scenarios").append(...world.scenarios.map((one, n) =>
    h("button", { class: "scenario", testid: "scenario", "data-scenario": one.id, title: one.about, onclick: () => play(one) },
      h("i", {}, "▶"), h("b", {}, `${n + 1}`), one.title)));
  idle();
  setInterval(tick, 250);
}

function flash(element) {
  element.classList.remove("fired");
  void element.offsetWidth;
  element.classList.add("fired");
}

const move = (how) => attempt(() => call("POST", "/sim/clock", how));

async function play(one) {
  show(one.phones);
  await attempt(() => call("POST", `/sim/scenarios/${one.id}`, {}));
}

// ------------------------------------------------------------------ what the server tells

export function state({ now, speed, armed, scenario, bot }) {
  const before = shown();
  Object.assign(time, { now, speed, at: performance.now() });
  if (before && Math.abs(now - before) > 30_000) flash(byId("clock-time"));
  byId("speed").setAttribute("aria-pressed", String(speed > 1));
  let any = false;
  document.querySelectorAll(".switch").forEach((button) => {
    const left = armed[button.dataset.fault] || 0;
    button.querySelector("em").textContent = left ? String(left) : "";
    button.classList.toggle("armed", left > 0);
    any = any || left > 0;
  });
  document.querySelector(".chaos .clear").hidden = !any;
  const restart = byId("restart");
  restart.textContent = bot || "重启机器人";
  restart.disabled = !world.bot || Boolean(bot);
  progress(scenario);
  tick();
}

const shown = () => (time.at ? time.now + (performance.now() - time.at) * time.speed : 0);

function tick() {
  if (!time.at) return;
  const here = new Date(shown() + 8 * 3600_000);
  const two = (n) => String(n).padStart(2, "0");
  byId("clock-date").textContent = `${two(here.getUTCMonth() + 1)}-${two(here.getUTCDate())} 周${"日一二三四五六"[here.getUTCDay()]}`;
  byId("clock-time").textContent = `${two(here.getUTCHours())}:${two(here.getUTCMinutes())}:${two(here.getUTCSeconds())}`;
}

// ------------------------------------------------------------------ scenario

function idle() {
  byId("progress").replaceChildren(h("span", { class: "idle" }, "点一个场景，手机会自己演；也可以随便在任何一部手机上打字、点按钮。"));
}

function progress(run) {
  document.querySelectorAll(".scenario").forEach((button) => {
    button.classList.toggle("running", run?.state === "running" && run.id === button.dataset.scenario);
    button.disabled = run?.state === "running";
    if (run && run.state !== "running" && run.id === button.dataset.scenario) button.dataset.last = run.state;
  });
  if (!run) return;
  const began = run.state === "running" && (!running || running.id !== run.id || running.state !== "running");
  if (began) show(run.phones.map((name) => world.people.find((person) => person.name === name)?.id).filter(Boolean));
  running = run;
  const word = { running: "进行中", done: "完成", failed: "没走通", stopped: "已停止" }[run.state];
  const steps = run.steps.map((step, n) => {
    const last = n === run.steps.length - 1;
    const how = last && run.state === "running" ? "now" : last && run.state === "failed" ? "bad" : "past";
    return h("li", { class: how, testid: "step" }, step);
  });
  const list = h("ol", {}, ...steps);
  byId("progress").replaceChildren(
    h("span", { class: `verdict ${run.state}`, testid: "verdict", "data-state": run.state }, `${run.title} · ${word}`),
    list,
    run.error ? h("details", { class: "why" }, h("summary", {}, "为什么"), h("pre", {}, run.error)) : "",
    run.state === "running" ? h("button", { class: "stop", testid: "stop", onclick: () => attempt(() => call("DELETE", "/sim/scenarios")) }, "停止") : "");
  list.scrollLeft = list.scrollWidth;
}
