// What people and the bot wrote, as nodes: never as HTML.
import { h } from "./dom.js";

const LINK = /<a\s[^>]*href=["']([^"']+)["'][^>]*>(.*?)<\/a>/gis;
const SPAN = /\*\*(.+?)\*\*|!\[[^\]]*\]\([^)]*\)|\[([^\]]*)\]\(([^)\s]+)\)|<[^>]{1,80}>/g;

const safe = (url) => /^(https?:|\/)/i.test(url) ? url : "#";
const anchor = (url, text) => h("a", { href: safe(url), target: "_blank", rel: "noopener noreferrer" }, text);

// Plain text with the one tag WeCom allows in it.
export function plain(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    nodes.push(text.slice(at, found.index), anchor(found[1], found[2]));
    at = found.index + found[0].length;
  }
  return [...nodes, text.slice(at)].filter((node) => node !== "");
}

function spans(line) {
  const nodes = [];
  let at = 0;
  for (const found of line.matchAll(SPAN)) {
    nodes.push(line.slice(at, found.index));
    if (found[1]) nodes.push(h("b", {}, ...spans(found[1])));
    else if (found[3]) nodes.push(anchor(found[3], found[2]));
    at = found.index + found[0].length;
  }
  return [...nodes, line.slice(at)].filter((node) => node !== "");
}

// The little markdown both clients know: headings, quotes, lists, bold, links. Pictures are shown apart.
export function markdown(text) {
  const lines = text.split("\n").map((line) => line.trimEnd()).filter((line) => line.trim() && !/^!\[[^\]]*\]\([^)]*\)$/.test(line.trim()));
  return lines.map((line) => {
    const heading = line.match(/^(#{1,6})\s+(.*)$/);
    if (heading) return h("p", { class: "md-h" }, ...spans(heading[2]));
    const quote = line.match(/^>\s?(.*)$/);
    if (quote) return h("p", { class: "md-q" }, ...spans(quote[1]));
    const item = line.match(/^\s*[-*+]\s+(.*)$/);
    if (item) return h("p", { class: "md-li" }, ...spans(item[1]));
    return h("p", {}, ...spans(line));
  });
}
