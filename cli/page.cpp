#include "page.h"

#include <fmt/format.h>

namespace tenon::cli {
namespace {

constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #ffffff; --soft: #f2f2f2; --line: #c8c8c8; --hit: #d94801; --bar: #3b76af; --bar2: #d97b29; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #161616; --soft: #242424; --line: #4a4a4a; --hit: #ff9d57; --bar: #6aa5dd; --bar2: #f0a35e; } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 1.2rem 2rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
.panes { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; }
.pane { border: 1px solid var(--line); height: 72vh; position: relative; overflow: hidden; border-radius: 6px; background: #fff; }
.pane svg { width: 100%; height: 100%; cursor: grab; touch-action: none; }
.pane .node, .pane .cluster { cursor: pointer; } .pane .edge { pointer-events: none; }
.pane .node:focus, .pane .cluster:focus { outline: none; }
.pane .node:focus polygon, .pane .node:focus path, .pane .hit polygon, .pane .hit path { stroke: #d94801; stroke-width: 3; }
.pane h3 { position: absolute; margin: .3rem .6rem; font-size: .9rem; color: #333; pointer-events: none; }
.bar { display: flex; gap: .6rem; flex-wrap: wrap; align-items: center; margin: .5rem 0; }
input, button { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: .2rem .5rem; }
#about { white-space: pre-wrap; border: 1px solid var(--line); border-radius: 6px; background: var(--soft); padding: .5rem .7rem; min-height: 4.5rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .15rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th button { border: 0; background: none; padding: 0; font-weight: 600; cursor: pointer; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.chart { width: 100%; } .chart text { fill: var(--ink); font-size: 11px; } .chart .axis { stroke: var(--line); }
.key span { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .8em; border: 1px solid #666; }
)css";

constexpr const char* kScript = R"js(
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const make = (tag, attributes = {}, ...children) => {
  const svg = ["svg", "rect", "circle", "line", "text", "title", "g"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const number = (value, digits = 3) => value === null || value === undefined ? "" : Number(value).toPrecision(digits);

// ---- what a box is, in words ----
const words = (box) => {
  const lines = [`${box.name}: ${box.op}`];
  for (const output of box.output || []) lines.push(`gives ${output}`);
  if (box.members) lines.push(`${box.members.length} operators of this name; click to open or close`);
  if (box.operators) lines.push(`${box.operators} operators of the model in ${box.steps} steps; click to unfold or fold`);
  if (box.implementation) lines.push(`runs by ${box.implementation}`);
  if (box.ms !== undefined) lines.push(`${number(box.ms)} ms`);
  if (box.refused) lines.push(`stays outside: ${box.refused}`);
  for (const declined of box.declined || []) lines.push(`declined: ${declined}`);
  const attributes = Object.entries(box.attributes || {}).filter(([name]) => !name.startsWith("__"));
  if (attributes.length) lines.push(attributes.map(([name, text]) => `${name}=${text}`).join(", "));
  return lines.join("\n");
};
const about = document.getElementById("about");

// ---- a pane: pan, zoom, hover, click ----
class Pane {
  constructor(element, pictures, first = 0) {
    this.element = element;
    this.pictures = pictures;
    this.show(first);
  }
  // Which picture a click on the box leads to. Scopes: all open, all closed, then one open in each.
  leads(id, box) {
    if (box.members && id[0] === "f") return 1;
    if (box.members) return this.pictures.length > 2 ? 2 + box.scope : 0;
    return box.operators && this.pictures.length > 1 ? 1 - this.which : null;
  }
  show(which) {
    this.which = which;
    const picture = this.pictures[which];
    for (const old of this.element.querySelectorAll("svg")) old.remove();
    const text = picture.svg.slice(picture.svg.indexOf("<svg"));
    this.element.insertAdjacentHTML("beforeend", text);
    this.svg = this.element.querySelector("svg");
    this.svg.removeAttribute("width");
    this.svg.removeAttribute("height");
    this.svg.setAttribute("role", "group");
    this.box = this.svg.getAttribute("viewBox").split(" ").map(Number);
    this.whole = [...this.box];
    // A small picture is not blown up; a tall one starts at its top, as wide as the pane.
    const shape = this.element.clientHeight / Math.max(1, this.element.clientWidth);
    const least = this.element.clientWidth / 1.6;
    if (this.box[2] < least) this.box = [this.box[0] - (least - this.box[2]) / 2, this.box[1], least, this.box[3]];
    if (this.box[3] > 2.5 * this.box[2] * shape) this.box = [this.box[0], this.box[1], this.box[2], 2.5 * this.box[2] * shape];
    this.place();
    for (const title of this.svg.querySelectorAll("title")) title.remove();
    for (const [id, box] of Object.entries(picture.boxes)) {
      const group = this.svg.getElementById(id);
      if (!group) continue;
      group.setAttribute("tabindex", "0");
      const next = this.leads(id, box);
      group.setAttribute("role", next === null ? "img" : "button");
      group.setAttribute("aria-label", words(box));
      const tell = () => { about.textContent = words(box); };
      group.addEventListener("mouseenter", tell);
      group.addEventListener("focus", tell);
      const toggle = () => {
        if (next === null) return;
        this.show(next);
        const frame = this.svg.getElementById(`f${box.scope}`);
        if (frame) this.look(frame, 1.2);
      };
      group.addEventListener("click", () => { if (!this.dragged) toggle(); });
      group.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { toggle(); event.preventDefault(); } });
    }
    this.svg.addEventListener("wheel", (event) => this.zoom(event), { passive: false });
    this.svg.addEventListener("pointerdown", (event) => { this.from = [event.clientX, event.clientY]; this.dragged = false; });
    this.svg.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointerleave"]) this.svg.addEventListener(end, () => { this.from = null; });
  }
  place() { this.svg.setAttribute("viewBox", this.box.join(" ")); }
  scale() { return Math.max(this.box[2] / this.svg.clientWidth, this.box[3] / this.svg.clientHeight); }
  zoom(event) {
    event.preventDefault();
    const factor = Math.exp(event.deltaY * 0.0015);
    const area = this.svg.getBoundingClientRect();
    const x = this.box[0] + this.box[2] * (event.clientX - area.left) / area.width;
    const y = this.box[1] + this.box[3] * (event.clientY - area.top) / area.height;
    this.box = [x - (x - this.box[0]) * factor, y - (y - this.box[1]) * factor, this.box[2] * factor, this.box[3] * factor];
    this.place();
  }
  drag(event) {
    if (!this.from) return;
    const [x, y] = [event.clientX - this.from[0], event.clientY - this.from[1]];
    if (Math.abs(x) + Math.abs(y) < 3 && !this.dragged) return;
    this.dragged = true;
    this.box[0] -= x * this.scale();
    this.box[1] -= y * this.scale();
    this.from = [event.clientX, event.clientY];
    this.place();
  }
  fit() { this.box = [...this.whole]; this.place(); }
  look(group, times = 3) {
    const box = group.getBBox(), shape = this.svg.clientWidth / this.svg.clientHeight;
    const wide = Math.max(260, box.width * times, box.height * times * shape);
    const matrix = this.svg.getCTM().inverse().multiply(group.getCTM());
    const centre = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2).matrixTransform(matrix);
    const tall = wide / shape;
    this.box = [centre.x - wide / 2, centre.y - tall / 2, wide, tall];
    this.place();
  }
  matches(text) {
    const found = [];
    for (const [id, box] of Object.entries(this.pictures[this.which].boxes)) {
      const group = this.svg.getElementById(id);
      const hit = text !== "" && [`${box.name} ${box.op}`, ...(box.members || [])].some((name) => name.toLowerCase().includes(text));
      if (!group) continue;
      group.classList.toggle("hit", hit);
      if (hit) found.push(group);
    }
    return found;
  }
}
const panes = [
  new Pane(document.getElementById("before"), data.before, data.before.length > 1 && Object.keys(data.before[0].boxes).length > 150 ? 1 : 0),
  new Pane(document.getElementById("after"), data.unfolded ? [data.folded, data.unfolded] : [data.folded]),
];
window.panes = panes;
document.getElementById("fit").addEventListener("click", () => panes.forEach((pane) => pane.fit()));
document.getElementById("fold").addEventListener("click", () => { if (panes[1].pictures.length > 1) panes[1].show(1 - panes[1].which); });
const scopes = document.getElementById("scopes");
scopes.hidden = data.before.length < 2;
scopes.addEventListener("click", () => { panes[0].show(panes[0].which === 1 ? 0 : 1); find(false); });
const search = document.getElementById("search"), count = document.getElementById("count");
let turn = 0;
const find = (next) => {
  const text = search.value.trim().toLowerCase();
  const found = panes.map((pane) => pane.matches(text));
  turn = next ? turn + 1 : 0;
  panes.forEach((pane, i) => { if (found[i].length) pane.look(found[i][turn % found[i].length]); });
  count.textContent = text ? `${found[0].length} before, ${found[1].length} after` : "";
};
search.addEventListener("input", () => find(false));
search.addEventListener("keydown", (event) => { if (event.key === "Enter") find(true); });

// ---- tables that sort and filter ----
const table = (parent, columns, rows, filtered) => {
  const body = make("tbody"), head = make("tr");
  let order = null, up = true;
  const filter = make("input", { placeholder: "filter", "aria-label": "filter rows" });
  const fill = () => {
    const text = filter.value.toLowerCase();
    const shown = rows.filter((row) => JSON.stringify(row).toLowerCase().includes(text));
    if (order !== null) shown.sort((a, b) => (a[order] > b[order] ? 1 : a[order] < b[order] ? -1 : 0) * (up ? 1 : -1));
    body.replaceChildren(...shown.map((row) => make("tr", {}, ...columns.map((column) => {
      const value = row[column];
      return typeof value === "number" ? make("td", { class: "number" }, number(value, 4)) : make("td", {}, value ?? "");
    }))));
  };
  for (const column of columns) {
    const button = make("button", { type: "button" }, column);
    button.addEventListener("click", () => { up = order === column ? !up : true; order = column; fill(); });
    head.append(make("th", { scope: "col" }, button));
  }
  filter.addEventListener("input", fill);
  if (filtered) parent.append(filter);
  parent.append(make("table", {}, make("thead", {}, head), body));
  fill();
};
const section = (title) => {
  const made = make("section", {}, make("h2", {}, title));
  document.getElementById("more").append(made);
  return made;
};

// ---- charts ----
const timeline = (parent, rows) => {
  const longest = Math.max(...rows.map((row) => row.steps.reduce((sum, step) => sum + step.ms, 0)));
  const chart = make("svg", { class: "chart", viewBox: `0 0 1000 ${rows.length * 46}`, role: "img", "aria-label": "timeline of the steps" });
  rows.forEach((row, r) => {
    let x = 0;
    row.steps.forEach((step, i) => {
      const wide = 1000 * step.ms / longest;
      const bar = make("rect", { x, y: r * 46 + 16, width: Math.max(wide - 0.4, 0.2), height: 24, fill: i % 2 ? "var(--bar)" : "var(--bar2)" });
      bar.append(make("title", {}, `${step.name}: ${number(step.ms)} ms, ${step.implementation}`));
      chart.append(bar);
      x += wide;
    });
    chart.append(make("text", { x: 0, y: r * 46 + 12 }, `${row.name}: ${number(x * longest / 1000, 4)} ms`));
  });
  parent.append(chart);
};
const roofline = (parent, steps) => {
  const points = steps.filter((step) => step.operations > 0 && step.ms > 0 && step.bytes > 0)
    .map((step) => ({ ...step, intensity: step.operations / step.bytes, rate: step.operations / step.ms / 1e6 }));
  if (!points.length) { parent.append("no step multiplies matrices"); return; }
  const log = Math.log10, xs = points.map((p) => log(p.intensity)), ys = points.map((p) => log(p.rate));
  const range = (values) => [Math.floor(Math.min(...values)), Math.max(Math.ceil(Math.max(...values)), Math.floor(Math.min(...values)) + 1)];
  const [x0, x1] = range(xs), [y0, y1] = range(ys);
  const chart = make("svg", { class: "chart", viewBox: "0 0 1000 380", role: "img", "aria-label": "arithmetic per second over arithmetic per byte" });
  const px = (v) => 60 + 920 * (v - x0) / (x1 - x0), py = (v) => 340 - 320 * (v - y0) / (y1 - y0);
  for (let v = x0; v <= x1; ++v) chart.append(make("line", { class: "axis", x1: px(v), x2: px(v), y1: 20, y2: 340 }), make("text", { x: px(v) - 12, y: 356 }, `1e${v}`));
  for (let v = y0; v <= y1; ++v) chart.append(make("line", { class: "axis", x1: 60, x2: 980, y1: py(v), y2: py(v) }), make("text", { x: 20, y: py(v) + 4 }, `1e${v}`));
  chart.append(make("text", { x: 420, y: 375 }, "operations per byte"), make("text", { x: 4, y: 12 }, "GFLOP/s"));
  for (const point of points) {
    const dot = make("circle", { cx: px(log(point.intensity)), cy: py(log(point.rate)), r: 5, fill: point.side === "before" ? "var(--bar)" : "var(--bar2)", "fill-opacity": 0.75 });
    dot.append(make("title", {}, `${point.side} ${point.name}: ${number(point.rate)} GFLOP/s, ${number(point.intensity)} operations a byte, ${number(point.ms)} ms`));
    chart.append(dot);
  }
  parent.append(chart);
};
if (data.summary) {
  table(section("Summary"), ["what", "before", "after", "ratio"], data.summary, false);
  timeline(section("Time, step after step"), data.timeline);
  roofline(section("Roofline (each point a step)"), data.steps);
  table(section("Steps"), ["side", "name", "op", "implementation", "output", "ms", "operations", "bytes"], data.steps, true);
  const refused = section("What stays outside the engine nodes, and why");
  data.refusals.length ? table(refused, ["name", "op", "reason"], data.refusals, true) : refused.append("Nothing.");
  table(section("Environment"), ["what", "value"], data.environment, false);
}
)js";

constexpr const char* kBody = R"html(
<div class="bar">
  <label>Find <input id="search" type="search" placeholder="name or operator"></label> <span id="count" aria-live="polite"></span>
  <button id="scopes" type="button">names together or apart</button> <button id="fold" type="button">fold or unfold</button> <button id="fit" type="button">whole picture</button>
  <span class="key"><span style="background:#fdd0a2"></span>engine <span style="background:#74c476"></span>Tenon's fused kernels <span style="background:#c7e9c0"></span>simple loops
  <span style="background:#9ecae1"></span>oneDNN <span style="background:#bcbddc"></span>CUDA <span style="background:#fcbba1"></span>reference</span>
</div>
<div class="panes">
  <div class="pane" id="before"><h3>before</h3></div>
  <div class="pane" id="after"><h3>after</h3></div>
</div>
<h2>The box under the pointer</h2>
<div id="about" aria-live="polite">Move over a box, or reach it with the tab key. The wheel zooms, dragging moves.</div>
<div id="more"></div>
)html";

std::string escaped(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '<') {
      result += "&lt;";
    } else if (letter == '&') {
      result += "&amp;";
    } else {
      result += letter;
    }
  }
  return result;
}

/// JSON inside a script element must not hold "</".
std::string embedded(const Json& data) {
  std::string text = data.dump();
  for (std::size_t at = text.find("</"); at != std::string::npos; at = text.find("</", at)) text.replace(at, 2, "<\\/");
  return text;
}

}  // namespace

std::string page(const std::string& title, const Json& data) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{0}</title>\n<style>{1}</style>\n"
      "</head>\n<body>\n<h1>{0}</h1>\n{2}\n"
      "<script type=\"application/json\" id=\"data\">{3}</script>\n<script>{4}</script>\n</body>\n</html>\n",
      escaped(title), kStyle, kBody, embedded(data), kScript);
}

}  // namespace tenon::cli
