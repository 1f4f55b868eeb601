// What every part of the page uses: the data, elements, numbers as text, and what a redraw must keep.
const byId = (id) => document.getElementById(id);
let data = JSON.parse(byId("data").textContent);
let task, groups, several;  // of the task that is shown
const chosen = {task: 0};   // what the reader has set: kept when the page is drawn anew
const opened = new Set();   // keys of <details> that are open

// text enters the page through textContent alone, so nothing of a recipe can become markup
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  for (const child of children) if (child !== null) element.append(child);
  return element;
}
const colour = (i) => `var(--c${i % 8})`;
let on_paper = false;  // a picture is made: in the light colours, whatever the page has
const light = (name) => document.styleSheets[0].cssRules[0].style.getPropertyValue(name).trim();
const css = (name) => (on_paper ? light(name) : getComputedStyle(document.documentElement).getPropertyValue(name).trim());
const dot = (i) => make("span", {class: "dot", style: `--c:${colour(i)}`});
const unique = (list) => [...new Set(list)].filter((x) => x !== "" && x !== null && x !== undefined);
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const of_seed = (run) => (run.seed === "" ? "" : `, seed ${run.seed}`);

const metrics = {
  success_rate: {title: "Success rate", percent: true}, return_mean: {title: "Return"},
  normalized: {title: "Normalized score"}, episode_length: {title: "Episode length"},
};
function show(value, percent) {
  if (value === null || value === undefined) return "–";
  if (percent) return `${Number((100 * value).toFixed(1))}%`.replace("-", "−");
  if (value === 0 || Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6) return String(Number(value.toPrecision(4))).replace("-", "−");
  return value.toExponential(2).replace("e-", "e−").replace("e+", "e").replace(/^-/, "−");
}
const mean = (spread, percent) => (spread ? show(spread.mean, percent) : "–");
const range = (spread, percent) => (spread && spread.count > 1 ? `${show(spread.low, percent)} – ${show(spread.high, percent)}` : "");
function span(seconds) {
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

// ---- tables ----
const row = (...cells) => make("tr", {}, ...cells);
function table(head, rows) {
  return make("div", {class: "scroll"}, make("table", {}, make("thead", {}, row(...head)), make("tbody", {}, ...rows)));
}
const words = (text) => make("td", {class: "text"}, text);

// ---- sections ----
// A section is built beside the page and put in at once: the page keeps its height, so a redraw does not move what is read.
function section(id, title, sentence, fill) {
  const parts = document.createDocumentFragment();
  fill(parts);
  if (parts.childElementCount && title) parts.prepend(make("h2", {}, title), ...(sentence ? [make("p", {class: "muted"}, sentence)] : []));
  byId(id).replaceChildren(parts);
}
// `fill` is called when the part is first opened: hidden plots have no size
function details(key, summary, fill) {
  const inside = make("div"), element = make("details", {}, make("summary", {id: `open-${key}`}, summary), inside);
  const open = () => {
    if (inside.childElementCount) return;
    const before = plots.length;
    fill(inside);
    if (window.Plotly) plots.slice(before).forEach((draw) => draw());
  };
  if (opened.has(key)) element.open = true, fill(inside);
  element.addEventListener("toggle", () => {
    if (element.open) opened.add(key), open();
    else opened.delete(key);
  });
  return element;
}
// a choice of one of `options`, [value, text]; the page is drawn anew after it
function choice(key, text, options) {
  const select = make("select", {id: `choose-${key}`}, ...options.map(([value, name]) => make("option", {value}, name)));
  select.value = chosen[key];
  select.addEventListener("change", () => { chosen[key] = select.value; draw_page(); });
  return make("label", {}, `${text} `, select);
}
