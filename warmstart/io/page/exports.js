// What a reader takes along: a plot as SVG or PNG on white, and its numbers as CSV. Everything is made in the page.
const export_size = {width: 640, height: 400};
function save_as(name, address) {
  const link = make("a", {href: address, download: name});
  document.body.append(link);
  link.click();
  link.remove();
}
function save_text(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], {type}));
  save_as(name, address);
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
// the plot as it is, with the reader's zoom, in light colours
function picture_of(div) {
  let picture;
  on_paper = true, captured = (p) => { picture = p; };
  try { div.draw(); } finally { on_paper = false, captured = null; }
  picture.layout.paper_bgcolor = picture.layout.plot_bgcolor = "#ffffff";
  for (const axis of ["xaxis", "yaxis"])
    if (div.layout && div.layout[axis] && div.layout[axis].autorange === false) picture.layout[axis].range = div.layout[axis].range;
  picture.layout.margin = {l: 60, r: 20, t: 20, b: 50};
  return picture;
}
async function save_picture(div, name, format) {
  const height = Math.max(export_size.height, parseInt(div.style.height) || 0);
  const address = await Plotly.toImage(picture_of(div), {format, width: export_size.width, height, scale: format === "png" ? 3 : 1});
  if (format === "png") save_as(`${name}.png`, address);
  else save_text(`${name}.svg`, "image/svg+xml", decodeURIComponent(address.slice(address.indexOf(",") + 1)));
}
const csv_field = (value) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
const csv_text = (rows) => rows.map((cells) => cells.map((c) => csv_field(c ?? "")).join(",")).join("\n") + "\n";
// [[group, number of the run in it, step, metric, value]] with the names of both
function tidy(points, is_online) {
  const rows = [["run", "method", "seed", "phase", "step", "metric", "value"]];
  for (const [group, number, step, metric, value] of points) {
    const run = task.runs.filter((r) => r.label === groups[group].label)[number];
    rows.push([run.folder, run.label, run.seed, !is_online ? "pretrain" : step <= run.warm_up_steps ? "warmup" : "finetune", step, metric, value]);
  }
  return rows;
}
function export_buttons(div, name, title) {
  const file = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const button = (text, work) => {
    const element = make("button", {type: "button", "aria-label": `save the plot ${title} as ${text}`, "data-export": text}, text);
    element.addEventListener("click", work);
    return element;
  };
  return make("p", {class: "exports"}, "Save as ", button("SVG", () => save_picture(div, file, "svg")), button("PNG", () => save_picture(div, file, "png")),
    button("CSV", () => save_text(`${file}.csv`, "text/csv", csv_text(div.rows()))));
}
