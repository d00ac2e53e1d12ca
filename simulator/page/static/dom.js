// Small building blocks: elements, requests, notices.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "testid") element.dataset.testid = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

export async function call(method, path, body) {
  const form = body instanceof FormData;
  const response = await fetch(path, {
    method,
    headers: body && !form ? { "Content-Type": "application/json" } : {},
    body: form ? body : body ? JSON.stringify(body) : undefined,
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `HTTP ${response.status}`);
  return answer;
}

// Do something for the person; a refusal becomes a notice instead of silence.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    notice(error.message);
    return null;
  }
}

export function notice(text) {
  const box = h("div", { class: "notice", testid: "notice" }, text);
  byId("notices").append(box);
  setTimeout(() => box.remove(), 5000);
}

// A sheet over the page; a click beside it or Escape closes it.
export function sheet(content, className = "") {
  const close = () => {
    back.remove();
    document.removeEventListener("keydown", onKey);
  };
  const onKey = (event) => event.key === "Escape" && close();
  const back = h("div", { class: `back ${className}`, testid: "sheet", onclick: (e) => e.target === back && close() }, content);
  document.addEventListener("keydown", onKey);
  byId("layer").append(back);
  return close;
}

export function enlarge(url) {
  const close = sheet(h("img", { src: url, alt: "", testid: "enlarged", onclick: () => close() }), "picture");
}
