// Curves of evaluations, episodes, pre-training and losses.
const band_note = () => (groups.some((g) => g.seeds.length > 1) ? " Lines are means over seeds, bands reach from the smallest to the largest seed." : "");
const online_steps = "environment steps since the switch";

function online(parent) {
  const evals = task.eval.online, train = task.train.online, warned_online = online_warnings().length;
  for (const name of shown()) {
    if (!evals[name]) continue;
    const m = metrics[name];
    const levels = groups.map((_, i) => ({s: task.headline[i][name].before, tone: `--c${i % 8}`})).filter((v) => v.s).map((v) => ({y: v.s.mean, tone: v.tone}));
    curve_plot(figure(parent, `eval-${name}`, m.title, "The dashed line is the frozen pre-trained policy; a dip below it is unlearning, staying below it is forgetting."
      + warmup_note()
      + (warned_online > many_warnings ? " Ticks at the top: warnings of the monitor." : warned_online ? " Dotted: a warning of the monitor." : "")),
      evals[name], {metric: name, x: online_steps, y: m.title.toLowerCase(), percent: m.percent, levels, online: true});
  }
  if (task.episodes) episodes(parent);
  if (train.q_online && !task.diagnostics.online.q_online)
    curve_plot(figure(parent, "q_online", "Q-value on online states", "The critics' mean estimate for the most recent 256 online transitions.",
      "a steep fall after the switch is the downward spiral, an unbounded rise is overestimation."), train.q_online, {metric: "q_online", x: online_steps, y: "Q", online: true});
  if (task.warnings.length) warning_table(parent);
}
// every episode as it was collected, exploration included
function episodes(parent) {
  const count = task.episodes.flat().reduce((n, s) => n + s.x.length, 0), div = figure(parent, "episodes", "Online episodes",
    `Returns of the ${plural(count, "episode")} that were collected, exploration included: ${count <= 1500 ? "dots are episodes, " : ""}lines the mean of each seed's last 20. `
    + "What a robot goes through; evaluations act without exploration.");
  draw_with(div, () => {
    const options = {x: online_steps, y: "return", legend: several, online: true}, l = layout(options), t = [];
    mark_online(l, options);
    task.episodes.forEach((seeds, i) => seeds.forEach((s, k) => {
      const tone = css(`--c${i % 8}`), common = {type: "scatter", x: s.x, legendgroup: String(i)};
      if (count <= 1500) t.push({...common, y: s.y, mode: "markers", marker: {size: 4, color: faint(tone, .45)}, hoverinfo: "skip", showlegend: false});
      t.push({...common, y: s.mean, name: fitting(div, groups[i].label), mode: "lines", line: {width: 1.8, color: tone, dash: dashes[round_of(i)][0]}, showlegend: k === 0, hovertemplate: "%{y:.4~g}"});
    }));
    plot_into(div, t, l);
  }, () => tidy(task.episodes.flatMap((seeds, i) => seeds.flatMap((s) => s.x.map((x, k) => [i, s.run, x, "episode_return", s.y[k]]))), true));
}
function warning_table(parent) {
  const head = ["method", "seed", "step", "warning", "evidence"].map((n, i) => make("th", i > 2 ? {class: "text"} : {}, n));
  const proof = (w) => Object.entries(w.evidence).filter(([k]) => k !== "rolled_back_to").map(([k, v]) => `${k} ${show(v)}`).join(", ");
  parent.append(make("h3", {style: "margin-top:24px"}, "Warnings of the collapse monitor"), make("div", {class: "panel", id: "warnings"},
    table(head, task.warnings.map((w) => row(make("td", {class: "name"}, dot(w.group), groups[w.group].label), make("td", {}, w.seed), make("td", {}, String(w.step)), words(warned(w)), words(proof(w)))))));
}

function pretraining(parent) {
  const evals = task.eval.pretrain;
  for (const name of shown().filter((n) => evals[n]))
    curve_plot(figure(parent, `pretrain-${name}`, `${metrics[name].title} while learning offline`, "Where the curve ends is the policy that goes online; still rising at the end means that more offline steps would have paid."),
      evals[name], {metric: name, x: "gradient steps", y: metrics[name].title.toLowerCase(), percent: metrics[name].percent});
}

const known = {
  critic_loss: ["Critic loss", "Should level off; growth without end is divergence."],
  td_loss: ["TD error of the critic", "Squared error to the target; it jumps when the data change and should come down again."],
  td_error: ["TD error", "Distance of Q to its target; it jumps when the data change and should come down again."],
  actor_loss: ["Actor loss", "Minus the Q-value of the policy's own actions plus its entropy cost; it falls as the policy gains value."],
  q_mean: ["Q on training batches", "The value the critics give to the actions in the data."],
  cql_gap: ["CQL gap", "Q of sampled actions above Q of the data's actions; negative means that the critics prefer what the data did."],
  temperature: ["Entropy temperature", "Falls while the policy is more random than its target, rises when it is less so."],
  entropy: ["Policy entropy", "How random the policy's actions are; near the target entropy the temperature rests."],
};
function losses(parent) {
  const scopes = [["online", "online", online_steps], ["pretrain", "offline", "gradient steps"]];
  const draw = (grid, curves, names, scope, x) => {
    for (const name of names) {
      const [title, sentence] = known[name] || [name, "As logged under this name; levels matter less than sudden changes."];
      curve_plot(figure(grid, `${scope}-${name}`, title, sentence), curves[name], {metric: name, x, small: true, online: scope === "online"});
    }
  };
  for (const [scope, word, x] of scopes) {
    const curves = task.train[scope], first = Object.keys(known).filter((n) => curves[n]), rest = Object.keys(curves).filter((n) => !known[n] && n !== "q_online");
    if (first.length) {
      if (several && !parent.childElementCount) parent.append(method_legend());
      const grid = make("div", {class: "grid"});
      parent.append(make("h3", {style: "margin-top:20px"}, word === "online" ? "Fine-tuning" : "Pre-training"), grid);
      draw(grid, curves, first, scope, x);
    }
    if (rest.length)
      parent.append(details(`more-${scope}`, `${rest.length} more, ${word}`, (inside) => {
        const grid = make("div", {class: "grid"});
        inside.append(grid);
        draw(grid, curves, rest, scope, x);
      }));
  }
}
