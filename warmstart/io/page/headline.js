// The numbers a reader wants first: what the switch did to each method.
const reasons = {
  q_diverging: "Q diverges downwards", drop: "the level dropped far below the pre-trained one", plateau: "stuck below the pre-trained level", early_variance: "evaluations vary widely early online",
  chatter: "actions chatter: they jump from step to step", no_reward: "the warmup brought no success to learn from",
  no_updates: "fine-tuning made no update",
};
function warned(w) {
  const said = w.reasons.map((r) => reasons[r] || r.replaceAll("_", " "));
  if (w.evidence.rolled_back_to !== undefined) said.push(`rolled back to step ${w.evidence.rolled_back_to}`);
  return said.join(", ") || "see the evidence";
}
// "the level dropped (12 times, 3 methods), ...", the most frequent first
function by_reason(warnings) {
  const of = new Map();
  for (const w of warnings) for (const r of w.reasons) of.set(r, [...(of.get(r) || []), w.group]);
  return [...of].sort((a, b) => b[1].length - a[1].length)
    .map(([r, found]) => `${reasons[r] || r.replaceAll("_", " ")} (${found.length === 1 ? "once" : `${found.length} times`}${several ? `, ${plural(unique(found).length, "method")}` : ""})`).join(", ");
}
function forgotten(h) {
  if (!h.judged) return {text: "–", kind: ""};
  if (h.judged === 1) return h.forgotten ? {text: "yes", kind: "bad"} : {text: "no", kind: "good"};
  return {text: `${h.forgotten} of ${h.judged}`, kind: h.forgotten ? "bad" : "good"};
}
// how far it fell, in the units of the metric and as a part of where it was
function fallen(h) {
  const {percent} = metrics[task.metric], by = percent ? String(Number((100 * h.fall.mean).toFixed(1))) : show(h.fall.mean);
  return `Dropped ${by}${percent || task.metric === "normalized" ? ` point${by === "1" ? "" : "s"}` : ""}, ${show(h.drop.mean, true)} of the level before the switch: `;
}
// updates since the switch, of each seed; older versions did not count them
function updates(g, h) {
  if (!h.final || task.runs.some((r) => r.label === g.label && r.status === "running")) return "";
  if (!g.updates) return "updates unknown";
  const {low, high} = g.updates;
  const text = (n) => n.toLocaleString("en-US");
  return low === high ? `${text(low)} update${low === 1 ? "" : "s"}` : `${text(low)} to ${text(high)} updates`;
}
// the drop in words: [text before, marked text, its class]
function verdict(h, g) {
  const idle = g.without_update, of = g.seeds.length;
  if (idle === of) return ["", "No update was made", "bad", ": fine-tuning did not begin to learn, so the policy is still the pre-trained one."];
  if (!h.drop) return [h.final ? "No drop can be computed: the level before the switch is 0 or unknown." : "No evaluation after the switch yet.", "", ""];
  // a seed that learned nothing cannot drop, and is no good news
  const good = idle ? "" : "good", tail = idle ? ` (${idle} of ${plural(of, "seed")} made no update)` : "";
  if (h.drop.mean === 0) return ["", "No drop after the switch", good, tail];
  const fell = fallen(h);
  if (!h.forgotten && h.final.mean < h.before.mean - .1 * Math.abs(h.before.mean)) return [fell, "came back for a while, ended lower", "", tail];
  if (!h.forgotten) return [fell, h.recovered_at && h.recovered_at.mean ? (h.judged === 1 ? `recovered by step ${show(h.recovered_at.mean)}` : `all recovered, after ${show(h.recovered_at.mean)} steps on average`) : "never below 90%", good, tail];
  return [fell, h.judged === 1 ? "never recovered" : `${h.forgotten} of ${h.judged} seeds never recovered`, "bad", tail];
}
const shown = () => task.shown;

function title() {
  const envs = data.tasks.map((t) => t.env || "unknown task"), known = data.tasks.some((t) => t.env);
  const name = data.study && data.study.name ? data.study.name : known ? envs.length > 1 ? `${envs.length} tasks` : envs[0] : "Warmstart report";
  byId("title").textContent = name;
  document.title = name === "Warmstart report" ? name : `${name} – Warmstart report`;
  const runs = data.tasks.reduce((n, t) => n + t.runs.length, 0);
  byId("subtitle").textContent = `${plural(runs, "run")} of ${plural(unique(data.tasks.flatMap((t) => t.groups.map((g) => g.label))).length, "method")}`
    + `${envs.length > 1 ? ` on ${envs.length} tasks` : ""}. Evaluations before, just after and long after the switch from offline to online learning.`;
  const chooser = byId("chooser");
  chooser.replaceChildren();
  if (envs.length > 1)
    chooser.append(make("p", {class: "notice calm"}, `These runs are of ${envs.length} different tasks: ${envs.join(", ")}. Each is shown by itself; no number is a mean over tasks.`),
      make("div", {class: "bar"}, choice("task", "Task", envs.map((e, i) => [i, e]))));
}
// keys that may differ between seeds of one method
const of_a_seed = ["run.seed", "name", "label", "summary", "data.path"];
function notices() {
  const parts = [];
  groups.forEach((g, i) => {
    const keys = task.configuration.filter((c) => c.mixed.includes(i) && !of_a_seed.includes(c.key)).map((c) => c.key);
    if (keys.length) parts.push(make("p", {class: "notice"}, `The runs called ${g.label} are shown as seeds of one method, but differ in ${keys.join(", ")}. Give what differs another label.`));
  });
  // "A, seeds 0, 1; B, seed 2"
  const named = (runs) => unique(runs.map((r) => r.label)).map((label) => {
    const seeds = runs.filter((r) => r.label === label).map((r) => r.seed).filter((s) => s !== "");
    return seeds.length ? `${label}, seed${seeds.length === 1 ? "" : "s"} ${seeds.join(", ")}` : label;
  }).join("; ");
  const idle = task.runs.filter((r) => r.without_update);
  if (idle.length)
    parts.push(make("p", {class: "notice", "data-notice": "no-update"}, `No update was made in fine-tuning: ${named(idle)}. The policy is the pre-trained one; a difference between its evaluations is chance. `
      + "Learning starts when the buffer holds enough: see finetune.min_buffer, finetune.batch and finetune.utd, and the length of an episode."));
  if (several && groups.some((g) => g.seeds.length === 1))
    parts.push(make("p", {class: "notice calm", "data-notice": "one-seed"}, "Some methods have one seed. Seeds of one method often differ as much as methods do: a difference here may be chance."));
  const failed = task.runs.filter((r) => r.status === "failed");
  if (failed.length) parts.push(make("p", {class: "notice", "data-notice": "failed"}, `Failed: ${named(failed)}. The numbers end where ${failed.length === 1 ? "it" : "each"} failed.`));
  const unfinished = task.runs.filter((r) => r.status && r.status !== "done" && r.status !== "failed");
  if (unfinished.length)
    parts.push(make("p", {class: "notice"}, "Not finished: " + unfinished.map((r) => `${r.label}${of_seed(r)} (${r.status})`).join("; ") + ". The numbers cover what was logged."));
  if (task.warnings.length) {
    const first = task.warnings.reduce((a, b) => (b.step < a.step ? b : a));
    parts.push(make("p", {class: "notice"}, task.warnings.length <= many_warnings
      ? `The collapse monitor warned ${task.warnings.length === 1 ? "once" : `${task.warnings.length} times`}, first at step ${first.step} `
        + `(${groups[first.group].label}${of_seed(first)}): ${warned(first)}. All warnings are listed below the curves.`
      : `The collapse monitor warned ${task.warnings.length} times: ${by_reason(task.warnings)}. All warnings are listed below the curves.`));
  }
  byId("notice").replaceChildren(...parts);
}
function headline(parent) {
  const {percent} = metrics[task.metric], what = metrics[task.metric].title.toLowerCase();
  const cards = make("div", {class: "cards"});
  groups.forEach((g, i) => {
    const h = task.headline[i][task.metric];
    const step = (name, key) => make("div", {}, make("span", {}, name), make("b", {"data-number": key}, mean(h[key], percent)), make("span", {}, range(h[key], percent)));
    const [lead, marked, kind, tail] = verdict(h, g);
    cards.append(make("article", {class: "card", style: `--c:${colour(i)}`}, make("h3", {}, g.label),
      make("div", {class: "small muted"}, [g.method, plural(g.seeds.length, "seed"), what, updates(g, h)].filter(Boolean).join(" · ")),
      make("div", {class: "steps"}, step("before", "before"), step("lowest after", "lowest"), step("final", "final")),
      make("div", {class: "small"}, lead, make("b", {class: kind}, marked), tail || ""),
      g.seeds.length === 1 ? make("div", {class: "small muted"}, "One seed: the spread is unknown.") : null));
  });
  const blank = (n = 1) => make("th", {class: "over", colspan: String(n)}), heads = (list) => list.map((t) => make("th", {}, t));
  const above = row(blank(2)), head = row(...heads(["method", "seeds"]));
  for (const name of shown()) {
    above.append(make("th", {colspan: "3", class: "over"}, metrics[name].title));
    head.append(...heads(["before", "lowest", "final"]));
  }
  above.append(blank(3));
  head.append(...heads(["unlearning", "forgotten", "steps to recover"]));
  const body = make("tbody");
  const cell = (s, p) => make("td", {}, mean(s, p), make("span", {class: "range"}, range(s, p)));
  groups.forEach((g, i) => {
    const h = task.headline[i][task.metric], f = g.without_update === g.seeds.length ? {text: "no update", kind: "bad"} : forgotten(h);
    body.append(row(make("td", {class: "name"}, dot(i), g.label), make("td", {}, String(g.seeds.length)),
      ...shown().flatMap((name) => ["before", "lowest", "final"].map((key) => cell(task.headline[i][name][key], metrics[name].percent))),
      cell(h.drop, true), make("td", {class: f.kind}, f.text), cell(h.recovered_at)));
  });
  parent.append(cards, make("div", {class: "panel scroll", id: "numbers"}, make("table", {}, make("thead", {}, above, head), body)),
    make("p", {class: "muted small", style: "margin-top:10px"}, "Means over seeds, with the smallest and largest seed below. "
      + `Unlearning: how far the ${what} fell below its level before the switch, as a percentage of that level. Forgotten: never back to 90% of that level from its lowest evaluation on. `
      + "Steps to recover: environment steps from the switch, warmup counted, until it is back there; 0 when it never was below; over the seeds that recovered."));
}
