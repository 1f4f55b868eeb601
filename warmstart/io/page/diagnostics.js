// Why it went as it did: the critic, the policy and the networks over the online phases.
const sets = [["offline", "offline", "--s0"], ["warmup", "warmup", "--s1"], ["online", "online", "--s2"]];
const on_sets = (stem) => sets.map(([s, text, tone]) => [`${stem}_${s}`, text, tone]);
const of_nets = (stem) => [[`actor_${stem}`, "policy", "--s2"], [`critic_${stem}`, "critics", "--s0"]];
// how to read each, and what is bad news
const panels = [
  {key: "q", title: "Q-values", series: on_sets("q"), y: "Q",
    text: "Mean estimate of all critics for actions that were taken, on three sets of rows. The three should stay in the same range.",
    bad: "a steep fall on online rows right after the switch, which pulls the offline rows along: the downward spiral. A rise without end is overestimation."},
  {key: "td_error", title: "TD error", series: on_sets("td_error"), y: "|TD error|",
    text: "Mean distance of Q to its target. It rises when rows are new to the critics and should come down as they are learned.",
    bad: "growth that does not stop. A rise on offline rows alone only says that they are no longer trained on."},
  {key: "below_pretrained", title: "Targets below the pre-trained Q", series: on_sets("below_pretrained"), percent: true, y: "fraction",
    text: "Fraction of the targets that lie below what the pre-trained critics said for the same rows. About half is neutral.",
    bad: "close to 100% soon after the switch: errors of the targets feed on each other, the signature of the downward spiral."},
  {key: "kl", title: "Policy KL to the pre-trained policy", series: on_sets("kl"), y: "KL",
    text: "How far the policy has moved from the one that was pre-trained, as a distribution. It must move to improve.",
    bad: "a jump in the first steps together with a falling return: what was pre-trained is being thrown away."},
  {key: "action_distance", title: "Action distance to the pre-trained policy", series: on_sets("action_distance"), y: "distance",
    text: "Mean distance between the most likely actions of both policies: the same question, in units of the actions.",
    bad: "a jump in the first steps. A slow rise beside a rising return is learning."},
  {key: "disagreement", title: "Disagreement of the ensemble", series: on_sets("disagreement"), y: "std of Q",
    text: "Standard deviation of Q over the critics; large where they have seen little.",
    bad: "growth on online rows, which are trained on: the critics do not settle. Zero everywhere: the ensemble has collapsed to one critic."},
  {key: "norm", title: "Parameter norms", series: of_nets("norm"), y: "norm", log: true,
    text: "Length of all weights together. Slow growth is normal.", bad: "fast growth, which often comes before divergence and makes learning slower."},
  {key: "gradient_norm", title: "Gradient norms", series: of_nets("gradient_norm"), y: "norm", log: true,
    text: "Length of the gradient of one update. It jumps at the switch and settles.", bad: "spikes over several powers of ten, or zero."},
  {key: "update_norm", title: "Update norms", series: of_nets("update_norm"), y: "norm", log: true,
    text: "Length of the step that the optimizer made, which is what moves the policy.", bad: "a large first step after the switch: optimizer state that does not fit the new losses."},
  {key: "dormant", title: "Dormant units", series: of_nets("dormant"), percent: true, y: "fraction",
    text: "Fraction of hidden units that are close to silent on all rows. Levels differ from task to task; what counts is where it goes.", bad: "a steady rise to most of them: the networks lose the ability to learn something new."},
  {key: "saturation", title: "Saturated actions", series: on_sets("saturation"), percent: true, y: "fraction",
    text: "Fraction of action entries at the bound.", bad: "close to 100%: full force all the time, and gradients of the policy that vanish."},
  {key: "chatter", title: "Chatter", series: on_sets("chatter"), y: "|second difference|",
    text: "Mean absolute second difference of consecutive actions: how much commands jerk.", bad: "a level far above that of the warmup: on a robot, wear and heat."},
];

// all series of a panel share one range, so that plots beside each other can be compared
function common_range(curves, log) {
  const all = curves.flat().flatMap((c) => c.seeds.flatMap((s) => s.y)).filter((v) => Number.isFinite(v) && (!log || v > 0)).map((v) => (log ? Math.log10(v) : v));
  if (!all.length) return undefined;
  const low = Math.min(...all), high = Math.max(...all), room = .05 * (high - low || 1);
  return [low - room, high + room];
}
// how many rows of each set are no true end of an episode: a critic is judged on what comes after a row
function row_note(parent, curves, told) {
  const parts = sets.filter(([s]) => curves[`not_terminal_${s}`]).map(([s, label]) => {
    told.add(`not_terminal_${s}`);
    const last = curves[`not_terminal_${s}`].flatMap((c) => c.seeds.map((one) => one.y.at(-1))), low = Math.min(...last), high = Math.max(...last);
    return `${low === high ? low : `${low} to ${high}`} ${label}`;
  });
  if (parts.length) parent.append(make("p", {class: "small muted", "data-rows": ""}, `Transitions that are no true end of an episode, in the newest measurement: ${parts.join(", ")}.`));
}
function diagnostics(parent) {
  const curves = task.diagnostics.online, told = new Set();
  row_note(parent, curves, told);
  if (several && Object.keys(curves).length) parent.append(method_legend());
  const wide = make("div", {class: "grid wide"});
  if (!several && Object.keys(curves).length) parent.append(wide);
  for (const p of panels) {
    const series = p.series.filter(([name]) => curves[name]);
    p.series.forEach(([name]) => told.add(name));
    if (!series.length) continue;
    // powers of ten only where there are some
    const all = series.map(([name]) => curves[name]), wide_range = p.log ? common_range(all, true) : undefined;
    const log = wide_range !== undefined && wide_range[1] - wide_range[0] > 1, range = p.percent ? undefined : log ? wide_range : common_range(all, false);
    const options = {x: online_steps, y: p.y, percent: p.percent, log, online: true};
    if (!several) {
      const lines = series.map(([name, label, tone]) => ({curve: curves[name][0], tone, label, metric: name}));
      line_plot(figure(wide, p.key, p.title, p.text, p.bad), lines, {...options, range: log ? range : undefined, legend: series.length > 1 || p.series.length > 1});
      continue;
    }
    const grid = make("div", {class: "grid"});
    parent.append(make("h3", {style: "margin-top:24px"}, p.title), make("p", {class: "small muted", style: "margin:0;max-width:none"}, `${p.text} `, make("b", {}, "Bad news: "), p.bad), grid);
    for (const [name, label] of series) curve_plot(figure(grid, name, label[0].toUpperCase() + label.slice(1), ""), curves[name], {...options, metric: name, range, small: true});
  }
  const rest = Object.keys(curves).filter((name) => !told.has(name)), offline = Object.keys(task.diagnostics.pretrain);
  const more = (key, summary, of, names, x) => parent.append(details(key, summary, (inside) => {
    const grid = make("div", {class: "grid"});
    inside.append(grid);
    for (const name of names) curve_plot(figure(grid, `${key}-${name}`, name, "As logged under this name."), of[name], {metric: name, x, small: true, online: x === online_steps});
  }));
  if (rest.length) more("diagnostics-more", `${rest.length} more`, curves, rest, online_steps);
  if (offline.length) more("diagnostics-offline", `${plural(offline.length, "curve")} of pre-training`, task.diagnostics.pretrain, offline, "gradient steps");
}

// ---- films ----
function films(parent) {
  const list = data.films.list.filter((f) => f.env === task.env);
  const grid = make("div", {class: "films"});
  for (const f of list.filter((x) => x.picture !== null))
    grid.append(make("figure", {}, make("img", {src: data.films.pictures[f.picture], alt: `${f.policy} policy of ${f.label}`}), make("h3", {}, `${f.label}, ${f.policy}`), make("figcaption", {}, f.caption)));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (grid.childElementCount) parent.append(still ? details("films", "Films, which move without end", (inside) => inside.append(grid)) : grid);
  for (const reason of unique(list.filter((x) => x.picture === null).map((f) => `${f.label}, ${f.policy} policy: ${f.caption}`)))
    parent.append(make("p", {class: "small muted", style: "margin-top:8px"}, `No film of ${reason}`));
}
