// Plots: lines with bands over seeds, in colours of the page.
let plots = [];             // functions that draw one plot each, called again when colours or data change
const drawn = new Map();    // key -> plot element, kept over redraws with its zoom
const draw_options = {responsive: true, displayModeBar: false};

function figure(parent, name, title, sentence, bad) {
  const key = `${task ? task.env : ""}/${name}`;
  if (!drawn.has(key)) drawn.set(key, make("div", {class: "plot", "data-plot": name}));
  const plot = drawn.get(key), caption = make("figcaption", {}, sentence);
  if (bad) caption.append(" ", make("b", {}, "Bad news: "), bad);
  parent.append(make("figure", {}, make("h3", {}, title), caption, plot, export_buttons(plot, name, title)));
  return plot;
}
// `draw` makes one plot, now and whenever colours or data change; `rows` gives its numbers as a table, names of the columns first
function draw_with(div, draw, rows) {
  div.draw = draw, div.rows = rows;
  plots.push(draw);
}
let captured = null;  // receives what would be drawn while a picture is made
const plot_into = (div, data, layout) => (captured ? captured({data, layout}) : Plotly.react(div, data, layout, draw_options));
function faint(hex, alpha) {
  const n = parseInt(hex.slice(1), 16);
  return `rgba(${n >> 16}, ${(n >> 8) & 255}, ${n & 255}, ${alpha})`;
}
function layout(options) {
  const axis = {gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line"), tickfont: {color: css("--muted")}, automargin: true};
  const font = {family: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", size: options.small ? 11 : 12.5, color: css("--ink")};
  const title = (text) => ({text, standoff: 8, font: {color: css("--muted"), size: font.size}});
  return {
    font, uirevision: "kept", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: {l: 44, r: 12, t: 8, b: 10},
    showlegend: options.legend, legend: {orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)"},
    hovermode: "x unified", hoverlabel: {bgcolor: css("--panel"), bordercolor: css("--line"), font: {color: css("--ink")}},
    xaxis: {...axis, title: title(options.x), rangemode: "tozero", showgrid: false},
    yaxis: {...axis, title: options.y ? title(options.y) : undefined, tickformat: options.percent ? ".0%" : options.log ? "~g" : undefined, dtick: options.log ? (options.range && options.range[1] - options.range[0] < 2.5 ? "D2" : 1) : undefined, 
      type: options.log ? "log" : "-", range: options.range || (options.percent ? [-.03, 1.03] : undefined)},
    shapes: [], annotations: [],
  };
}
// Plotly takes a label for markup: a name must not become any
const literal = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
// a name that a plot of this width can show
function fitting(div, label, share = 1) {
  const most = Math.max(8, Math.floor(share * (div.clientWidth || 400) / 9) - 4);
  return literal(label.length > most ? `${label.slice(0, most - 1)}…` : label);
}
const symbols = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon"];
// eight colours; the next eight methods have them again with another line and other symbols
const dashes = [["solid", ""], ["dot", " (dotted)"], ["dash", " (dashed)"], ["dashdot", " (dash-dotted)"]];
const round_of = (i) => Math.floor(i / 8) % dashes.length;
// `lines`: [{curve, tone: a CSS colour's name, label, symbol}]
function traces(lines, options, fits) {
  const out = [], format = options.percent ? ".1%" : ".4~g", crowd = lines.length > 4;
  lines.forEach(({curve, tone: name, label, symbol}, i) => {
    if (!curve || !curve.seeds.length) return;
    const tone = css(name), common = {legendgroup: String(i), type: "scatter"};
    // seeds that have no two steps in common are lines of their own
    const apart = curve.seeds.length > 1 && curve.x.length < 2;
    if (apart)
      curve.seeds.forEach((s, k) => out.push({...common, x: s.x, y: s.y, name: fits(label), mode: "lines", line: {width: 1.6, color: tone}, showlegend: k === 0, hovertemplate: `%{y:${format}}`}));
    else if (curve.seeds.length > 1) {
      out.push({...common, x: curve.x, y: curve.low, mode: "lines", line: {width: 0}, hoverinfo: "skip", showlegend: false});
      out.push({...common, x: curve.x, y: curve.high, mode: "lines", line: {width: 0}, fill: "tonexty", fillcolor: faint(tone, crowd ? .07 : .16), hoverinfo: "skip", showlegend: false});
      for (const s of curve.seeds) out.push({...common, x: s.x, y: s.y, mode: "lines", line: {width: 1, color: faint(tone, crowd ? .2 : .35)}, hoverinfo: "skip", showlegend: false});
    }
    if (apart) return;
    const points = curve.x.length <= 40 && !options.small || curve.x.length === 1;
    out.push({...common, x: curve.x, y: curve.mean, name: fits(label), mode: points ? "lines+markers" : "lines", line: {width: 2.2, color: tone, dash: dashes[round_of(symbol ?? i)][0]},
      marker: {size: 6, symbol: symbols[((symbol ?? i) + 3 * round_of(symbol ?? i)) % 8], color: tone}, hovertemplate: `%{y:${format}}`});
  });
  return out;
}
// those of fine-tuning, which the curves show; many get less room each
const online_warnings = () => task.warnings.filter((w) => w.phase !== "pretrain");
const many_warnings = 8;
// the gray band is for a warmup that all methods have; where they differ, each that has one gets a strip in its color
const warmup_of_all = () => { const ends = unique(groups.map((g) => g.warm_up_steps)); return ends.length === 1 ? ends[0] : 0; };
const some_warmup = () => groups.some((g) => g.warm_up_steps > 0);
const warmup_note = () => (warmup_of_all() > 0 ? " Shaded: warmup, where the frozen policy only collects."
  : some_warmup() ? ` Strips at the bottom: the warmup of each method that has one (${groups.filter((g) => g.warm_up_steps > 0).map((g) => g.label).join(", ")}), where its frozen policy only collects.` : "");
// the warmup, and the monitor's warnings: a few as dotted lines with their reason, many as ticks at the top, a row per method
function mark_online(l, options) {
  const end = warmup_of_all(), band = {type: "rect", xref: "x", yref: "paper", x0: 0, line: {width: 0}, layer: "below"};
  const note = {showarrow: false, xanchor: "left", font: {size: 11, color: css("--muted")}};
  if (end > 0) {
    l.shapes.push({...band, x1: end, y0: 0, y1: 1, fillcolor: css("--shade")});
    if (!options.small) l.annotations.push({...note, x: 0, xref: "x", y: .01, yref: "paper", text: "warmup", yanchor: "bottom"});
  } else {
    let row = 0;
    groups.forEach((g, i) => { if (g.warm_up_steps > 0) l.shapes.push({...band, x1: g.warm_up_steps, y0: .025 * row, y1: .025 * row++ + .018, fillcolor: css(`--c${i % 8}`), opacity: .7}); });
  }
  const warnings = options.unwarned ? [] : online_warnings();
  for (const w of warnings) {
    const tone = several ? css(`--c${w.group % 8}`) : css("--bad");
    if (warnings.length > many_warnings) {
      const top = 1 - .035 * (w.group % 8);
      l.shapes.push({type: "line", xref: "x", yref: "paper", x0: w.step, x1: w.step, y0: top - .025, y1: top, line: {color: tone, width: 2}});
      continue;
    }
    l.shapes.push({type: "line", xref: "x", yref: "paper", x0: w.step, x1: w.step, y0: 0, y1: 1, line: {color: tone, width: 1.3, dash: "dot"}});
    if (!options.small) l.annotations.push({...note, x: w.step, xref: "x", y: 1, yref: "paper", yanchor: "top", xshift: 2, text: "<b>!</b>", font: {size: 13, color: tone},
      hovertext: `${literal(groups[w.group].label)}${of_seed(w)}, step ${w.step}: ${warned(w)}`});
  }
}
// `levels`: [{y, tone, name}], drawn as dashed lines
function line_plot(div, lines, options) {
  draw_with(div, () => {
    const l = layout(options), t = traces(lines, options, (label) => fitting(div, label)), levels = options.levels || [];
    if (options.online) mark_online(l, options);
    for (const {y, tone} of levels)
      l.shapes.push({type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: {color: css(tone), width: 1.2, dash: "dash"}, opacity: .75});
    // shapes do not stretch an axis by themselves
    if (levels.length) t.push({x: levels.map(() => 0), y: levels.map((v) => v.y), mode: "markers", marker: {opacity: 0}, hoverinfo: "skip", showlegend: false, type: "scatter"});
    plot_into(div, t, l);
  }, () => tidy(lines.flatMap(({curve, group, metric}) => (curve ? curve.seeds.flatMap((s) => s.x.map((x, k) => [group ?? 0, s.run, x, metric ?? options.metric, s.y[k]])) : [])), options.online));
}
const of_groups = (curves) => curves.map((curve, i) => ({curve, tone: `--c${i % 8}`, label: groups[i].label, symbol: i, group: i}));
// one curve per method
function curve_plot(div, curves, options) {
  if (several && !options.small && groups.length > 8) div.style.height = `${340 + 26 * Math.ceil(groups.length / 4)}px`;  // its legend takes some
  line_plot(div, of_groups(curves), {legend: several && !options.small, ...options});
}
function method_legend() {
  const legend = make("p", {class: "small legend", style: "margin-top:12px"});
  groups.forEach((g, i) => legend.append(make("span", {}, dot(i), g.label + dashes[round_of(i)][1])));
  return legend;
}
