// `warmstart study`: a grid of runs, resumable, in parallel, and what came out of it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "warmstart/apps/figure_files.h"
#include "warmstart/apps/path_option.h"
#include "warmstart/apps/rollouts.h"
#include "warmstart/apps/run_options.h"
#include "warmstart/apps/study_progress.h"
#include "warmstart/apps/verbs.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/stop.h"
#include "warmstart/core/text.h"
#include "warmstart/core/threads.h"
#include "warmstart/data/pack_dataset.h"
#include "warmstart/phases/dataset_file.h"
#include "warmstart/phases/recipe_files.h"
#include "warmstart/phases/run.h"
#include "warmstart/phases/task_data.h"
#include "warmstart/studies/slurm.h"
#include "warmstart/studies/study_figures.h"

namespace warmstart {
namespace {

struct Options {
  std::string file, out, launcher = "local", recipe, pack, folder, job;
  std::vector<std::int64_t> seeds;
  std::vector<std::string> only;
  int jobs = 0, threads = 1;
  bool dry_run = false, quiet = false, film = false;
  FigureOptions figures;
};

// Bundled studies are found from any folder, as recipes are.
fs::path study_file(const std::string& name) {
  std::vector<std::string> notes;
  const fs::path file = find_bundled(name, "studies", "", "study file", "", notes);
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
  return file;
}

fs::path default_folder(const std::string& name) { return fs::path("runs/studies") / name; }

// A study's folder, given itself or the file.
fs::path folder_of(const Options& o) {
  if (!o.out.empty()) return o.out;
  return fs::is_directory(o.file) ? fs::path(o.file) : default_folder(read_study(study_file(o.file)).name);
}

// A finished study must not count as failed because the report's script is not installed.
bool report(const StudyResults& results, bool film) {
  std::vector<RunFiles> runs;
  for (const StudyRun& run : results.runs)
    if (run.files) runs.push_back(*run.files);
  const fs::path page = results.plan->folder / "report.html";
  if (runs.empty()) {
    fs::remove(page);  // of runs that are no more
    return false;
  }
  try {
    write_report(runs, page, plotly_script(), {.study = summary_json(results), .films = film ? film_runs(runs) : std::vector<RunFilm>{}});
    return true;
  } catch (const Error& e) {
    if (e.code() == Exit::kInterrupted) throw;
    fmt::print(stderr, "no report: {}\n", e.what());
    return false;
  }
}

void write_and_show(const StudyPlan& plan, bool quiet, bool film = false) {
  const StudyResults results = gather_results(plan);
  write_results(results);
  const bool page = report(results, film);
  if (!quiet) fmt::print("{}", summary_markdown(results));
  fmt::print("{}results.csv, curves.csv, summary.json, table.md{} in {}\n", quiet ? "" : "\n", page ? ", report.html" : "",
             plan.folder.string());
}

void write_study_figures(const StudyPlan& plan, const FigureOptions& options) {
  if (options.folder.empty()) return;
  const StudyResults results = gather_results(plan);
  std::vector<RunFiles> runs;
  for (const StudyRun& run : results.runs)
    if (run.files) runs.push_back(*run.files);
  if (runs.empty())
    throw data_error("no run of the study is finished", plan.folder.string(), "wait for one: `warmstart study status` says how they stand");
  if (plan.tasks.size() == 1)
    for (RunFiles& run : runs) run.env = plan.tasks[0];
  const std::size_t count = write_figures(by_task(runs), study_tables(results, options.style()), study_figures(results), options);
  fmt::print("wrote {} figures, captions.md and table.tex into {}\n", count, options.folder);
}

// A run's folder, or any other with files in it, is not a study's.
void check_folder(const fs::path& folder) {
  if (!fs::is_directory(folder) || fs::exists(folder / "plan.json")) return;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const std::string name = entry.path().filename().string(); name != ".lock" && name != "recipes" && name != "study.toml" &&
                                                                   name.rfind("study.toml.tmp", 0) != 0 &&
                                                                   name.rfind("plan.json.tmp", 0) != 0)
      throw usage_error("the folder holds something else than a study: " + name, folder.string(), "choose another --out");
}

void check_only(const StudyPlan& plan, const std::vector<std::string>& only) {
  std::vector<std::string> names;
  for (const PlannedArm& arm : plan.arms) names.push_back(arm.arm);
  for (const std::string& name : only)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw usage_error("no arm of the name " + name, "command line, --only", "did you mean " + nearest_name(name, names) + "?");
}

// How the whole ended, when it did not end well.
void throw_if_unfinished(const StudyPlan& plan, const std::vector<JobState>& states, const std::vector<bool>& chosen) {
  const std::string again = "the same command again goes on";
  if (stop_requested()) throw Error(Exit::kInterrupted, "interrupted; every run is saved", plan.folder.string(), again);
  int failed = 0, left = 0;
  const JobState* first = nullptr;
  std::string id;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (!chosen[i] || states[i].status == JobStatus::kDone) continue;
    if (states[i].status == JobStatus::kFailed) {
      if (!failed++) first = &states[i], id = plan.jobs[i].id;
    } else {
      ++left;
    }
  }
  if (failed) {
    throw Error(exit_of(first->record),
                fmt::format("{} failed{}; first {}: {}", failed == 1 ? "a job" : fmt::format("{} jobs", failed),
                            left ? fmt::format(", {} not done because of that", left) : "", id, first->record.reason),
                plan.folder.string(), "`warmstart study status` lists them; the same command again repeats them");
  }
  if (left)
    throw Error(Exit::kInterrupted, fmt::format("stopped with {} left", left == 1 ? "1 job" : fmt::format("{} jobs", left)),
                plan.folder.string(), again);
}

void run_study(const Options& o) {
  if (o.file.empty())
    throw usage_error("no study file", "command line", "give one before the options, e.g. studies/03-warm-up-length.toml");
  const StudyFile study = read_study(study_file(o.file));
  std::vector<std::int64_t> seeds = o.seeds.empty() ? study.seeds : o.seeds;
  std::sort(seeds.begin(), seeds.end());
  if (std::adjacent_find(seeds.begin(), seeds.end()) != seeds.end())
    throw usage_error("a seed is given twice", "command line, --seeds", "name each once");
  fs::path folder = (o.out.empty() ? default_folder(study.name) : fs::path(o.out)).lexically_normal();
  if (folder.filename().empty()) folder = folder.parent_path();  // it ended with a slash
  StudyPlan plan = make_plan(study, folder, seeds);
  check_only(plan, o.only);
  const auto wanted = [&](const StudyJob& job) {
    return std::find(seeds.begin(), seeds.end(), job.seed) != seeds.end() &&
           (o.only.empty() || std::find(o.only.begin(), o.only.end(), job.arm) != o.only.end());
  };
  if (o.dry_run) {
    fmt::print("{}", plan_text(plan, chosen_jobs(plan, job_states(plan), wanted)));
    return;
  }
  check_folder(folder);
  make_folder(folder);
  const auto lock = FileLock::take(folder / ".lock");
  if (!lock) throw usage_error("another process works on this study", folder.string(), "wait for it, or choose another --out");
  for (const char* name : {"study.toml", "plan.json"}) remove_unfinished(folder / name);
  save_plan(plan, study);
  if (!o.quiet)
    for (const std::string& note : plan.notes) fmt::print(stderr, "note: {}\n", note);
  const std::vector<bool> chosen = chosen_jobs(plan, job_states(plan), wanted);
  LaunchOptions launching{.jobs = o.jobs, .threads = o.threads, .chosen = wanted, .progress = study_progress(plan, o.quiet)};
  if (o.launcher == "slurm") {
    const SlurmSubmission submission = submit_to_slurm(plan, launching);
    fmt::print("{} jobs submitted in {} arrays{}\n`warmstart study status {}` says how they stand, `study report` what came out\n",
               submission.jobs, submission.arrays, submission.ids.empty() ? "" : ": " + join(submission.ids), folder.string());
    return;
  }
  if (launching.jobs == 0) launching.jobs = std::max(1, available_cpus() / o.threads);
  const std::vector<JobState> states = launch(plan, launching);
  write_and_show(plan, o.quiet);
  throw_if_unfinished(plan, states, chosen);
}

void make_dataset(const Options& o) {
  const Recipe recipe = read_named_recipe(o.recipe);
  collect_if_missing(recipe, [](const std::string& text) { fmt::print("{}\n", text); });
  const EnvSpec& spec = env_spec(recipe.env);
  DatasetOptions asked = dataset_options(spec, recipe.observation_keys());
  asked.action_low = recipe.data.action_low, asked.action_high = recipe.data.action_high;
  const auto reader = open_checked(recipe.data.path, asked);
  const auto& metadata = reader->layout().metadata;
  if (const auto env = metadata.find("env"); env != metadata.end()) check_body(env->second, spec, reader->early());
  remove_unfinished(o.pack);
  const PackSizes sizes = pack_dataset(*reader, o.pack);
  for (const Finding& f : reader->findings()) fmt::print("{}\n", labeled(f));
  fmt::print("packed {} as {}: {} steps\n", recipe.data.path, o.pack, sizes.steps);
}

}  // namespace

void add_study(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("study", "a grid of runs over switches and seeds, resumable, in parallel, with one report");
  as_path(verb->add_option("FILE", o->file, "study file (TOML), docs/studies/README.md"));
  as_path(verb->add_option("--out", o->out, "folder of the study (default runs/studies/NAME)"));
  verb->add_option("--jobs", o->jobs, "runs at once (default: all CPUs)")->check(CLI::Range(1, 4096));
  verb->add_option("--threads", o->threads, "threads of each run; results do not depend on it")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  verb->add_option_function<std::string>(
          "--seeds",
          [o](const std::string& text) {
            Fields list("");
            list.add("seeds", o->seeds, {.help = "seeds", .min = 0, .max = static_cast<double>(kMaxSeed)});
            list.list()[0].set_text(text, "command line, --seeds");
          },
          "seeds instead of the file's, comma-separated")
      ->type_name("LIST");
  verb->add_option("--only", o->only, "arms to run, and what they need; all tasks");
  verb->add_option("--launcher", o->launcher, "local, or slurm to submit the jobs as arrays and return")
      ->capture_default_str()
      ->check(CLI::IsMember({"local", "slurm"}));
  verb->add_flag("--dry-run", o->dry_run, "check everything, print arms and sizes, and stop");
  verb->add_flag("--quiet", o->quiet, "no progress and no table; failures are named");
  verb->callback([o, verb] {
    if (verb->get_subcommands().empty()) run_study(*o);
  });

  CLI::App* status = verb->add_subcommand("status", "how every job of a study stands, at any time");
  as_path(status->add_option("STUDY", o->file, "study file, or the study's folder"))->required();
  as_path(status->add_option("--out", o->out, "the study's folder, when it is not the file's default"));
  status->callback([o] {
    const StudyPlan plan = load_plan(folder_of(*o));
    const pid_t holder = FileLock::holder(plan.folder / ".lock");
    const auto queue = slurm_queue(plan);
    fmt::print("{}", status_text(plan, job_states(plan)));
    std::map<std::string, int> counts;
    for (const auto& [id, state] : queue) ++counts[state];
    for (const auto& [state, count] : counts) fmt::print("in Slurm's queue: {} {}\n", count, state);
    if (holder) fmt::print("process {} works on it\n", holder);
    else if (queue.empty()) fmt::print("no process works on it: the same `study` command goes on\n");
  });

  CLI::App* results = verb->add_subcommand("report", "writes tables and report of what is finished, at any time");
  as_path(results->add_option("STUDY", o->file, "study file, or the study's folder"))->required();
  as_path(results->add_option("--out", o->out, "the study's folder, when it is not the file's default"));
  results->add_flag("--film", o->film, "show an episode of each arm's pre-trained and final policy in the report");
  add_figure_options(*results, o->figures);
  results->callback([o] {
    check_figure_options(o->figures);
    const StudyPlan plan = load_plan(folder_of(*o));
    write_and_show(plan, false, o->film);
    write_study_figures(plan, o->figures);
  });

  CLI::App* job = verb->add_subcommand("job", "does one job of a study; elements of Slurm arrays call this");
  as_path(job->add_option("FOLDER", o->folder, "the study's folder"))->required();
  job->add_option("ID", o->job, "the job, as `study status` and the logs below jobs/ name it")->required();
  job->add_option("--threads", o->threads, "threads of the run")->check(CLI::Range(1, 1024));
  job->callback([o] { do_job(load_plan(o->folder), o->job, o->threads); });

  CLI::App* dataset =
      verb->add_subcommand("dataset", "collects a recipe's dataset when it is missing, and packs it; jobs of a study call this");
  as_path(dataset->add_option("RECIPE", o->recipe, "recipe file"))->required();
  as_path(dataset->add_option("PACK", o->pack, "pack to write"))->required();
  dataset->callback([o] { make_dataset(*o); });
}

}  // namespace warmstart
