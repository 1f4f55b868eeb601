// What it cost: wall-clock time per phase, steps per second, memory.
const phases = [["pretrain", "pre-training", "--p0"], ["warmup", "warmup", "--p1"], ["finetune", "fine-tuning", "--p2"]];
// rates from the totals of run.json, over the seeds of a group
function rates(g) {
  const sums = {offline: [0, 0], online: [0, 0]};
  for (const {info, label} of task.runs) {
    if (label !== g.label || !info.steps || !info.seconds) continue;
    const add = (to, steps, seconds) => { if (steps > 0 && seconds > 0) to[0] += steps, to[1] += seconds; };
    add(sums.offline, info.steps.pretrain, info.seconds.pretrain);
    add(sums.online, info.steps.online - (info.steps.warmup || 0), info.seconds.finetune);
  }
  return [sums.offline, sums.online].map(([steps, seconds]) => (steps ? steps / seconds : null));
}
function cost(parent) {
  const timed = groups.some((g) => phases.some(([p]) => g.seconds[p]));
  if (timed) {
    const head = ["method", ...phases.map(([, name]) => name), "together", "gradient steps/s offline", "environment steps/s fine-tuning", "peak memory"];
    const body = groups.map((g, i) => {
      const each = phases.map(([p]) => (g.seconds[p] ? g.seconds[p].mean : null)), memory = task.runs.filter((r) => r.label === g.label).map((r) => r.info.peak_memory_mib || 0);
      const [offline, online_rate] = rates(g), top = Math.max(...memory);
      return row(make("td", {class: "name"}, dot(i), g.label), ...each.map((s) => make("td", {}, s ? span(s) : "–")), make("td", {}, span(each.reduce((a, b) => a + (b || 0), 0))),
        make("td", {}, show(offline)), make("td", {}, show(online_rate)), make("td", {}, top > 0 ? `${top} MiB` : "–"));
    });
    parent.append(make("div", {class: "panel", id: "cost-table"}, table(head.map((n) => make("th", {}, n)), body)));
    control(parent);
    bars(parent);
  }
  for (const [scope, title, x] of [["online", "Speed online", online_steps], ["pretrain", "Speed of pre-training", "gradient steps"]])
    if (task.speed[scope].steps_per_second)
      curve_plot(figure(parent, `speed-${scope}`, title, "Steps per second of wall-clock time from one logged row to the next, evaluations included. A steady line is good.", "a line that sinks: the machine is shared, hot or short of memory."),
        task.speed[scope].steps_per_second, {metric: "steps_per_second", x, y: "steps/s", online: scope === "online", unwarned: true});
}
// how well the loop held the period of a controlled machine, where a run was told one
function control(parent) {
  for (const r of task.runs) {
    const c = r.info.control;
    if (!c || !(c.period_seconds > 0)) continue;
    const ms = (s) => `${Number((1000 * s).toPrecision(3))} ms`, fraction = c.steps > 0 ? ` (${show(c.late / c.steps, true)})` : "";
    parent.append(make("p", {class: `small ${c.late > 0 ? "" : "muted"}`, "data-control": "", style: "margin-top:12px"}, `${r.label}${of_seed(r)}: control period ${ms(c.period_seconds)}; `
      + (c.late > 0 ? `${c.late} of ${plural(c.steps, "environment step")}${fraction} came late` : `none of ${plural(c.steps, "environment step")} came late`)
      + (Number.isFinite(c.worst_gap_seconds) ? `, the longest gap between two was ${ms(c.worst_gap_seconds)}.` : ".")));
  }
}
function bars(parent) {
  const div = figure(parent, "seconds", "Wall-clock time per phase", "Mean per run; the length of a bar is what one run costs on this machine, evaluations included.");
  div.style.height = `${110 + 46 * groups.length}px`;
  const top = Math.max(...groups.map((g) => phases.reduce((sum, [p]) => sum + (g.seconds[p] ? g.seconds[p].mean : 0), 0)));
  const [unit, name] = top < 120 ? [1, "seconds"] : top < 7200 ? [60, "minutes"] : [3600, "hours"];
  draw_with(div, () => {
    const l = layout({x: name, legend: true});
    const parts = phases.map(([p, label, tone]) => {
      const s = groups.map((g) => (g.seconds[p] ? g.seconds[p].mean : 0));
      return {type: "bar", orientation: "h", name: label, y: groups.map((_, i) => i), x: s.map((v) => v / unit), marker: {color: css(tone)}, width: .6,
        text: s.map((v) => (v > top * .06 ? span(v) : "")), textposition: "inside", insidetextanchor: "middle", textangle: 0,
        customdata: s.map(span), hovertemplate: `${label} %{customdata}<extra></extra>`};
    });
    Object.assign(l, {barmode: "stack", hovermode: "closest"});
    l.legend.traceorder = "normal";
    Object.assign(l.yaxis, {autorange: "reversed", showgrid: false, zeroline: false, tickvals: groups.map((_, i) => i), ticktext: groups.map((g) => fitting(div, g.label, .45)), tickfont: {color: css("--ink")}});
    l.xaxis.showgrid = true;
    plot_into(div, parts, l);
  }, () => [["run", "method", "seed", "phase", "step", "metric", "value"], ...task.runs.flatMap((r) => phases.filter(([p]) => (r.info.seconds || {})[p] !== undefined)
    .map(([p]) => [r.folder, r.label, r.seed, p, "", "seconds", r.info.seconds[p]]))]);
}
