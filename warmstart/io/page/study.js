// A study: its question, and every arm with its interval, task by task.
// name -> [words, 1 = in units of the study's metric, 2 = a share]
const measures = {
  final: ["at the end", 1], before: ["before the switch", 1], lowest: ["lowest after the switch", 1], best: ["best after the switch", 1],
  area: ["mean level over the steps (area under the curve)", 1], regret: ["regret: distance to the reference level over the steps", 1], success: ["success rate at the end", 2],
  drop: ["unlearning: drop after the switch", 2], forgotten: ["forgotten: fraction of seeds", 2],
  steps_to_threshold: ["steps to the threshold, warmup counted", 0], steps_to_recover: ["steps to recover, warmup counted", 0],
  seconds: ["seconds online", 0], pretrain_seconds: ["seconds of pre-training", 0], steps_per_second: ["steps per second", 0],
};
function measure_title(m) {
  const metric = (metrics[data.study.metric] || {title: data.study.metric || "evaluation"}).title.toLowerCase();
  return ["final", "before", "lowest", "best", "area"].includes(m) ? `${metric}, ${measures[m][0]}` : measures[m] ? measures[m][0] : m;
}
const threshold_of = (t) => (data.study.thresholds || {})[t] ?? data.study.threshold;
// 2 = always a share, 1 = a share when the study's metric is one
const is_share = (m) => measures[m] !== undefined && (measures[m][1] === 2 || measures[m][1] === 1 && data.study.metric === "success_rate");
const settings = (arm) => Object.entries(arm.set || {}).map(([k, v]) => make("code", {class: "chip"}, `${k}=${v}`));

function study(parent) {
  const s = data.study;
  if (!s) return;
  if (s.question) parent.append(make("p", {class: "claim"}, make("b", {}, "Question: "), s.question));
  if (s.claim) parent.append(make("p", {class: "claim"}, make("b", {}, "What the paper says: "), s.claim));
  const names = unique(s.arms.flatMap((a) => Object.keys(a.measures || {})));
  if (!names.includes(chosen.measure)) chosen.measure = names.includes("final") ? "final" : names[0];
  const m = chosen.measure, percent = is_share(m), tasks = unique(s.arms.map((a) => a.task));
  if (names.length) parent.append(make("div", {class: "bar"}, choice("measure", "Measure", names.map((n) => [n, measure_title(n)]))));
  const level = Number.isFinite(s.interval) ? `${show(s.interval, true)} ` : "";
  parent.append(make("p", {class: "small muted", style: "margin-top:8px"}, `${s.seeds ? `${plural(s.seeds.length, "seed")} per arm. ` : ""}Dots are means over seeds, diamonds interquartile means, lines the ${level}bootstrap confidence interval.`
    + (Number.isFinite(s.threshold) && !Object.keys(s.thresholds || {}).length ? ` The threshold is ${show(s.threshold, s.metric === "success_rate")}.` : "") + (tasks.length > 1 ? " Every task stands by itself; nothing is a mean over tasks." : "")));
  for (const t of tasks) {
    const arms = s.arms.filter((a) => a.task === t);
    forest(parent, t, arms, m, percent);
    const head = ["arm", "seeds", "mean", "interquartile mean", "interval", ...(arms.some((a) => ((a.measures || {})[m] || {}).reached !== undefined) ? ["reached"] : []), "settings"];
    const body = arms.map((a) => {
      const v = a.measures[m] || {};
      const idle = a.without_update ? make("span", {class: "range bad"}, `${a.without_update} of ${a.seeds} made no update`) : null;
      const failed = a.failed ? make("span", {class: "range bad"}, `${a.failed} failed`) : null;
      return row(make("td", {class: "name"}, a.arm), make("td", {}, String(a.seeds), failed, idle), make("td", {}, show(v.mean, percent)), make("td", {}, show(v.iqm, percent)),
        make("td", {}, v.low === null || v.low === undefined ? "–" : `${show(v.low, percent)} – ${show(v.high, percent)}`),
        ...(head.includes("reached") ? [make("td", {}, v.reached === undefined ? "–" : `${v.reached} of ${a.seeds}`)] : []), make("td", {class: "text"}, ...settings(a)));
    });
    parent.append(make("div", {class: "panel", style: "margin-top:12px", "data-study-table": t}, table(head.map((n) => make("th", n === "settings" ? {class: "text"} : {}, n)), body)));
  }
  const idle = s.arms.filter((a) => a.without_update);
  if (idle.length)
    parent.append(make("p", {class: "notice", "data-notice": "no-update"}, `Without an update: ${idle.map((a) => `${a.arm} on ${a.task}`).join("; ")}. Their policy is the pre-trained one, so they have no drop and no regret, and no difference between them and another arm is a result.`));
  failures(parent, s);
  parent.append(make("p", {class: "small muted", style: "margin-top:12px"}, "Every seed's numbers: ", make("code", {}, s.csv || "results.csv"), s.csv ? "" : " beside this page"));
  if (s.machine) parent.append(make("p", {class: "small muted"}, "Made on: ", Object.entries(s.machine).map(([k, v]) => `${k} ${v}`).join(", ")));
}
function failures(parent, s) {
  if (s.unfinished && s.unfinished.length)
    parent.append(make("p", {class: "notice calm"}, `${plural(s.unfinished.length, "run")} not finished: ${s.unfinished.map((u) => `${u.arm} on ${u.task}, seed ${u.seed} (${u.status})`).join("; ")}.`));
  if (!s.failures || !s.failures.length) return;
  parent.append(make("p", {class: "notice"}, `${plural(s.failures.length, "run")} failed. The numbers are those of the others; the same command again completes the study.`),
    make("div", {class: "panel", id: "failures", style: "margin-top:12px"}, table(["task", "arm", "seed", "reason"].map((n, i) => make("th", i === 2 ? {} : {class: "text"}, n)),
      s.failures.map((f) => row(words(f.task), words(f.arm), make("td", {}, String(f.seed)), words(f.reason))))));
}
function forest(parent, t, arms, m, percent) {
  const with_number = arms.filter((a) => a.measures[m] && Number.isFinite(a.measures[m].mean));
  if (!with_number.length) {
    parent.append(make("p", {class: "small muted"}, `${t}: no arm has this number.`));
    return;
  }
  const div = figure(parent, `forest-${t}`, t, `${measure_title(m)[0].toUpperCase()}${measure_title(m).slice(1)}: every arm.`);
  div.style.height = `${90 + 34 * arms.length}px`;
  draw_with(div, () => {
    const l = layout({x: measure_title(m), legend: false}), rows = arms.map((_, i) => i);
    const pick = (key) => arms.map((a) => { const v = (a.measures[m] || {})[key]; return Number.isFinite(v) ? v : null; });
    const means = pick("mean"), low = pick("low"), high = pick("high"), tones = arms.map((_, i) => css(`--c${i % 8}`));
    const hover = arms.map((a, i) => `${literal(a.arm)}${a.without_update ? " (no update)" : ""}<br>mean ${show(means[i], percent)}, IQM ${show(pick("iqm")[i], percent)}<br>${show(low[i], percent)} – ${show(high[i], percent)}`);
    const ends = [...means, ...low, ...high].filter((v) => v !== null), least = Math.min(...ends), most = Math.max(...ends), room = .06 * (most - least || Math.abs(most) || 1);
    const bars = arms.map((_, i) => ({type: "scatter", mode: "lines", x: [low[i], high[i]], y: [i, i], line: {width: 3, color: tones[i]}, hoverinfo: "skip", showlegend: false})).filter((_, i) => low[i] !== null);
    const points = (x, symbol, size) => ({type: "scatter", mode: "markers", x, y: rows, marker: {size, symbol, color: tones}, hovertemplate: "%{customdata}<extra></extra>", customdata: hover, showlegend: false});
    Object.assign(l.yaxis, {range: [arms.length - .5, -.5], tickvals: rows, ticktext: arms.map((a) => fitting(div, a.without_update ? `${a.arm} (no update)` : a.arm, .5)), tickfont: {color: css("--ink")}, zeroline: false, showgrid: false, title: undefined});
    Object.assign(l.xaxis, {showgrid: true, rangemode: "normal", range: [least - room, most + room], tickformat: percent ? ".0%" : undefined});
    l.hovermode = "closest", l.uirevision = m;
    if (["final", "before", "lowest", "best"].includes(m) && Number.isFinite(threshold_of(t)))
      l.shapes.push({type: "line", yref: "paper", y0: 0, y1: 1, x0: threshold_of(t), x1: threshold_of(t), line: {color: css("--muted"), width: 1, dash: "dash"}});
    plot_into(div, [...bars, points(pick("iqm"), "diamond-open", 11), points(means, "circle", 9)], l);
  }, () => [["task", "arm", "seeds", "measure", "mean", "iqm", "low", "high"], ...arms.map((a) => [t, a.arm, a.seeds, m, ...["mean", "iqm", "low", "high"].map((k) => (a.measures[m] || {})[k])])]);
}
