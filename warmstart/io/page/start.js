// Draws the page, and a live page again whenever its server has something new.
function draw_page() {
  const focused = document.activeElement && document.activeElement.id;
  task = data.tasks[Math.min(Number(chosen.task), data.tasks.length - 1)];
  groups = task.groups, several = groups.length > 1;
  plots = [];
  title();
  notices();
  section("study", data.study ? "The study" : "", "", study);
  section("headline", "", "", headline);
  section("online", "After the switch", "Environment steps count from the switch, warmup included." + band_note(), online);
  section("diagnostics", "Why: diagnostics", "On three sets of transitions: a fixed slice of offline data held out of learning, a fixed slice of the warmup, and the most recent online ones." + band_note(), folded_on_a_phone("diagnostics", "Show the diagnostics", diagnostics));
  section("films", "Rollouts", "The first evaluation episode of each policy, acting without exploration.", films);
  section("pretraining", "Pre-training", "", pretraining);
  section("losses", "Losses and values", "Means over the steps between two logged rows.", folded_on_a_phone("losses", "Show losses and values", losses));
  section("cost", "Cost", "", cost);
  section("config", "Configuration", config_note(), config);
  section("how", "How it was run", "", how);
  if (window.Plotly) draw_all();
  if (focused) byId(focused)?.focus({preventScroll: true});  // its element was made anew
}
// dozens of plots are a long way to scroll with a thumb
function folded_on_a_phone(key, summary, fill) {
  if (!matchMedia("(max-width: 600px)").matches) return fill;
  return (parent) => {
    const inside = make("div");
    const before = plots.length;
    fill(inside);
    plots.length = before;  // drawn when it is opened
    if (inside.childElementCount) parent.append(details(key, summary, fill));
  };
}
const draw_all = () => plots.forEach((draw) => draw());

const kLookAgain = 3000;  // ms
async function follow() {
  const status = byId("live");
  let said = "";
  const say = (text, kind) => {
    byId("looked").textContent = `Looked at ${new Date().toLocaleTimeString()}.`;
    if (text === said) return;  // a screen reader reads each change aloud
    said = text;
    status.replaceChildren(make("p", {class: `notice ${kind}`}, text));
  };
  let have = "";
  const look = async () => {
    try {
      const answer = await fetch(`data.json?have=${have}`, {cache: "no-store"});
      if (answer.status === 200) {
        const text = await answer.text();
        have = answer.headers.get("ETag") || "";
        data = JSON.parse(text);
        draw_page();
      } else if (answer.status !== 204) {
        say(`The run cannot be read now: ${await answer.text()}`, "");
        return;
      }
      const going = data.tasks.flatMap((t) => t.runs).filter((r) => r.status && r.status !== "done").length;
      say(`Live. ${going ? `${plural(going, "run")} not finished.` : "All runs are done."}`, "calm");
    } catch (error) {
      say("The server does not answer: it was stopped, or this page was saved. What is shown is what was last read.", "");
    } finally {
      setTimeout(look, kLookAgain);
    }
  };
  look();
}
draw_page();
