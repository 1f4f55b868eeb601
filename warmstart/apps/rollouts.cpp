#include "warmstart/apps/rollouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "warmstart/apps/camera.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/stop.h"
#include "warmstart/envs/render.h"
#include "warmstart/io/film.h"
#include "warmstart/io/report_stats.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/experience.h"

namespace warmstart {
namespace {

constexpr int kSize = 240;                                                    // pixels
constexpr std::size_t kMostPictures = 60;                                     // of a film
constexpr std::size_t kMostBytes = 400'000;                                   // of a film; a page may hold many
constexpr double kLongest = 8, kShortestPicture = 0.04, kUnknownStep = 0.05;  // s

using Picture = std::vector<std::uint8_t>;

void drop_every_other(std::vector<Picture>& pictures) {
  for (std::size_t i = 1; 2 * i < pictures.size(); ++i) pictures[i] = std::move(pictures[2 * i]);
  pictures.resize((pictures.size() + 1) / 2);
}

std::vector<std::uint8_t> gif(const std::vector<Picture>& pictures, double seconds) {
  const ScratchFolder scratch("film");
  const fs::path path = scratch.path() / "film.gif";
  const auto film = make_film(path, kSize, kSize, seconds);
  for (const Picture& picture : pictures) film->add(picture);
  film->finish();
  return read_bytes(path);
}

// one episode as the run's own evaluations begin
void film_episode(const fs::path& path, RunFilm& film) {
  AgentFile file = read_agent_file(path);
  check_can_be_drawn(file.recipe.env);
  const auto env = make_env(file.recipe.env);
  const std::int64_t seed = file.recipe.evaluation_seed();
  Policy policy(std::make_shared<Actor>(file.agent.actor), Rng(static_cast<std::uint64_t>(seed), "policy"));
  Renderer renderer(*env, kSize, kSize);
  std::vector<Picture> pictures;
  std::int64_t state = 0, stride = 1;  // control steps per picture, doubled when there are too many
  const auto shoot = [&] {
    const auto rgb = renderer.draw();
    pictures.emplace_back(rgb.begin(), rgb.end());
  };
  const auto look = [&] {
    stop_unsaved_if_asked("filming");
    if (state++ % stride) return;
    shoot();
    if (pictures.size() <= kMostPictures) return;
    drop_every_other(pictures);
    stride *= 2;
  };
  const Evaluation e = evaluate(*env, policy, 1, static_cast<std::uint64_t>(seed),
                                {.safety = file.recipe.safety, .max_steps = file.recipe.eval.max_steps, .before_step = look});
  shoot();  // how it ended
  const double step = env->spec().control_seconds > 0 ? env->spec().control_seconds : kUnknownStep, simulated = e.length_mean * step;
  const auto shown = [&] {  // seconds of a picture
    const double count = static_cast<double>(pictures.size());
    return std::max(kShortestPicture, std::min(simulated, kLongest) / count);
  };
  film.picture = gif(pictures, shown());
  while (film.picture.size() > kMostBytes && pictures.size() > 8) {
    drop_every_other(pictures);
    film.picture = gif(pictures, shown());
  }
  film.media_type = "image/gif";
  const double speed = simulated / (shown() * static_cast<double>(pictures.size()));
  film.caption = fmt::format("{:.0f} steps, return {:.4g}{}", e.length_mean, e.return_mean,
                             env->spec().reports_success ? e.success_rate > 0 ? ", success" : ", no success" : "");
  if (speed > 1.1 || speed < 0.9) film.caption += fmt::format("; shown at {:.2g} times its speed", speed);
}

// where the run's policies lie; the first that exists, else the first
fs::path existing(const std::vector<fs::path>& paths) {
  for (const fs::path& path : paths)
    if (!path.empty() && fs::is_regular_file(path)) return path;
  return paths.front();
}

fs::path start_of(const RunFiles& run) {
  const auto info = nlohmann::json::parse(run.info, nullptr, false);
  const bool given = info.is_object() && info.contains("from") && info["from"].is_string();
  return given ? fs::path(info["from"].get<std::string>()) : fs::path();
}

}  // namespace

std::vector<RunFilm> film_runs(const std::vector<RunFiles>& runs) {
  std::vector<RunFilm> films;
  std::map<std::uint64_t, RunFilm> known;  // by content of the file: several runs may have begun with one policy
  for (const TaskRuns& task : by_task(runs))
    for (const RunGroup& group : group_runs(task)) {
      const RunFiles& run = *group.runs.front();
      const fs::path last = existing({run.folder / "final.safetensors", run.folder / "checkpoint.safetensors"});
      const std::pair<std::string, fs::path> wanted[] = {{"pre-trained", existing({run.folder / "pretrained.safetensors", start_of(run)})},
                                                         {last.filename() == "checkpoint.safetensors" ? "latest" : "final", last}};
      for (const auto& [policy, path] : wanted) {
        RunFilm film{.label = run.label, .env = run.env, .seed = run.seed, .policy = policy};
        try {
          const std::uint64_t content = checksum(read_bytes(path));
          const auto same = known.find(content);
          if (same != known.end())
            film.picture = same->second.picture, film.media_type = same->second.media_type, film.caption = same->second.caption;
          else film_episode(path, film), known[content] = film;
        } catch (const Error& e) {
          if (e.code() == Exit::kInterrupted) throw;
          film.picture.clear();
          film.caption = e.what();
          fmt::print(stderr, "no film of {}, {} policy: {}\n", film.label, film.policy, film.caption);
        }
        films.push_back(std::move(film));
      }
    }
  return films;
}

}  // namespace warmstart
