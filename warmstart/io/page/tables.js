// The exact configuration, every evaluation, and how to make the runs again.
function exact(parent) {
  const names = unique(task.evaluations.flatMap((r) => Object.keys(r.values)));
  if (!names.length) return;
  const text = (v) => (v === undefined ? "" : v === null ? "nan" : String(v));
  parent.append(details("exact", `Every evaluation, exact numbers (${plural(task.evaluations.length, "row")})`, (inside) => inside.append(
    table(["method", "seed", "phase", "step", ...names].map((n) => make("th", {}, n)), task.evaluations.map((r) => row(make("td", {}, r.label), make("td", {}, r.seed),
      make("td", {}, r.kind === "switch" ? "switch" : r.phase), make("td", {}, String(r.step)), ...names.map((n) => make("td", {}, text(r.values[n])))))))));
}
const differing = () => task.configuration.filter((c) => c.differs).length;
const config_note = () => (several && task.configuration.length ? `${differing()} of ${plural(task.configuration.length, "key")} ${differing() === 1 ? "differs" : "differ"} between the methods.` : "");
function config(parent) {
  if (task.configuration.length) {
    const head = [make("th", {class: "text"}, "key"), ...groups.map((g, i) => make("th", {class: "text"}, dot(i), g.label))];
    const only = make("input", {type: "checkbox", id: "only-differing"}), place = make("div");
    // what differs comes first
    const sorted = several ? [...task.configuration.filter((c) => c.differs), ...task.configuration.filter((c) => !c.differs)] : task.configuration;
    const fill = () => place.replaceChildren(table(head, sorted.filter((c) => !only.checked || c.differs).map((c) => make("tr", c.differs && several ? {class: "differs"} : {},
      make("td", {}, make("code", {}, c.key)), ...c.values.map((v) => words(make("code", {}, v === "" ? "–" : v)))))));
    only.checked = chosen.only_differing ?? (several && differing() > 0);
    only.addEventListener("change", () => { chosen.only_differing = only.checked; fill(); });
    fill();
    if (several) parent.append(make("div", {class: "panel"}, make("label", {}, only, " only what differs"), place));
    else parent.append(details("keys", `All ${task.configuration.length} keys`, (inside) => inside.append(make("div", {class: "panel"}, place))));
  }
  if (task.runs.some((r) => r.recipe))
    parent.append(details("recipes", "Recipe files as run", (inside) => {
      for (const r of task.runs)
        if (r.recipe) inside.append(make("p", {class: "small muted", style: "margin:12px 0 0"}, `${r.label}${of_seed(r)}`), make("pre", {}, r.recipe));
    }));
}
const told_elsewhere = ["name", "label", "method", "env", "seed", "status", "command", "seconds", "steps", "switch", "warm_up_steps", "peak_memory_mib", "control", "updates"];
function how(parent) {
  const text = (v) => (typeof v === "string" ? v : JSON.stringify(v));
  const again = unique(task.runs.map((r) => r.again));
  const commands_again = () => again.map((c) => make("pre", {class: "again"}, c));
  if (again.length)
    parent.append(make("h3", {}, "Make it again"), make("p", {class: "small muted"}, "From the resolved recipe in the run's folder into a new one. The same seed gives the same bits, on CPUs with the same instruction set and with the same version."),
      ...(again.length <= 6 ? commands_again() : [details("again", `${again.length} commands`, (inside) => inside.append(...commands_again()))]));
  const commands = unique(task.runs.map((r) => r.info.command));
  if (commands.length) parent.append(make("h3", {style: "margin-top:20px"}, "As typed"), ...commands.map((c) => make("pre", {}, c)));
  const list = make("dl");
  for (const key of unique(task.runs.flatMap((r) => Object.keys(r.info))).filter((k) => !told_elsewhere.includes(k))) {
    const values = unique(task.runs.map((r) => (r.info[key] === undefined ? "" : text(r.info[key]))));
    if (values.length) list.append(make("dt", {}, key), make("dd", {}, values.join("  |  ")));
  }
  if (list.childElementCount) parent.append(make("h3", {style: "margin-top:20px"}, "Program and machine"), make("div", {class: "panel"}, list));
  const head = ["method", "seed", "status", "time", "folder"].map((n) => make("th", n === "folder" ? {class: "text"} : {}, n));
  parent.append(details("runs", plural(task.runs.length, "run"), (inside) => inside.append(table(head, task.runs.map((r) => {
    const total = r.info.seconds ? Object.values(r.info.seconds).reduce((a, b) => a + (Number(b) || 0), 0) : 0;
    return row(make("td", {}, r.label), make("td", {}, r.seed), make("td", {}, r.status), make("td", {}, total ? span(total) : ""), words(make("code", {}, r.folder)));
  })))));
  exact(parent);
}
