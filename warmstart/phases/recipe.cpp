#include "warmstart/phases/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <tuple>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/phases/recipe_files.h"

namespace warmstart {

AgentSettings Recipe::online_settings() const {
  AgentSettings s = *this;
  s.cql = cql.online();
  return s;
}

std::string Recipe::observation_keys() const {
  return data.observation_keys.empty() ? env_spec(env).observation_keys : data.observation_keys;
}

std::string KeyChange::text() const { return fmt::format("{} (was {}, now {})", key, was, now); }

std::vector<KeyChange> differences(Recipe was, Recipe now) {
  const Fields before = was.fields(), after = now.fields();
  std::vector<KeyChange> out;
  for (std::size_t i = 0; i < before.list().size(); ++i) {
    const Field &a = before.list()[i], &b = after.list()[i];
    if (a.toml() != b.toml()) out.push_back({a.key, a.toml(), b.toml()});
  }
  return out;
}

std::string difference(Recipe was, Recipe now, const std::set<std::string>& ignored) {
  for (const KeyChange& change : differences(std::move(was), std::move(now)))
    if (!ignored.contains(change.key)) return change.text();
  return "";
}

std::string Recipe::toml() { return fields().toml(); }

void Recipe::validate(bool with_task, PhasesToRun phases) const {
  if (with_task) safety.validate(env_spec(env).action_size);
  const auto refuse = [](const std::string& what, const std::string& keys, const std::string& remedy) {
    throw usage_error(what, keys, remedy);
  };
  if (network.critic_hidden.empty() || network.actor_hidden.empty())
    refuse("a network needs a hidden layer", "network.critic_hidden and network.actor_hidden", "give at least one width, e.g. [256, 256]");
  if (agent.num_min_qs > network.num_qs)
    refuse("subset larger than the ensemble", "agent.num_min_qs and network.num_qs", "lower agent.num_min_qs or raise network.num_qs");
  const bool pretrains = phases.pretrain && pretrain.steps > 0, trains_online = phases.online && finetune.steps > 0;
  if ((pretrains || (phases.online && retention.mode != "none")) && data.path.empty())
    refuse("no dataset", pretrains ? "data.path and pretrain.steps" : "data.path and retention.mode",
           "name a dataset with --data FILE or data.path, or set the other key to 0 / \"none\"");
  if (agent.discount == 1 && (data.sparse_reward || data.infinite_horizon) &&
      ((pretrains && agent_info(pretrain.agent).needs_mc_return) || (trains_online && agent_info(finetune.agent).needs_mc_return)))
    refuse("a return that goes on for ever has no value without discount",
           data.sparse_reward ? "agent.discount and data.sparse_reward" : "agent.discount and data.infinite_horizon",
           "lower agent.discount, or set the other to false");
  if (trains_online && agent_info(finetune.agent).needs_mc_return && retention.mode == "append")
    refuse("online Cal-QL needs Monte-Carlo returns, which appended rows do not have", "finetune.agent and retention.mode",
           "use retention.mode = \"mixed\"");
  if (trains_online && !agent_info(finetune.agent).trains_critic)
    refuse("behaviour cloning learns nothing online", "finetune.agent and finetune.steps", "use finetune.agent = \"sac\"");
  if (!network.squash)
    for (const auto& [learner, key, used] :
         {std::tuple{pretrain.agent, "pretrain.agent", pretrains}, {finetune.agent, "finetune.agent", trains_online}})
      if (used && learner != "iql" && learner != "bc")
        refuse("agent \"" + learner + "\" needs a policy of another kind, one squashed by tanh", std::string(key) + " and network.squash",
               "set network.squash = true (and train the start with it)");
  if (phases.online && jsrl.guide != "none" && warm_up.steps != 0 && finetune.initialise == "neither")
    refuse("a warm-up of fresh networks: only the guide knows anything yet", "jsrl.guide and warm_up.steps", "set warm_up.steps = 0");
  if (phases.online && warm_up.automatic() &&
      (!agent_info(pretrain.agent).trains_critic || (finetune.initialise != "both" && finetune.initialise != "critic")))
    refuse("an automatic warm-up watches the pre-trained critic, and there is none",
           "warm_up.steps, pretrain.agent and finetune.initialise", "give warm_up.steps a number");
  if (monitor.roll_back && (!monitor.on || eval.every == 0))
    refuse("roll-back goes by the monitor and by evaluations",
           fmt::format("monitor.roll_back and {}", monitor.on ? "eval.every" : "monitor.on"),
           monitor.on ? "set eval.every, e.g. 1000" : "set monitor.on = true");
  if (phases.online && finetune.critic_fit_steps > 0 && warm_up.steps == 0 && retention.mode == "none")
    refuse("no transitions to fit the critic on", "finetune.critic_fit_steps and warm_up.steps",
           "give warm_up.steps, or set the other to 0");
  if (retention.mode == "mixed" && retention.ratio >= 1)
    refuse("only offline rows: nothing online would be learned from", "retention.ratio and retention.mode", "lower retention.ratio");
  if (agent.n_step > 1 && pretrain.agent == "rebrac" && pretrains)
    refuse("ReBRAC compares the action one step later", "agent.n_step and pretrain.agent", "set agent.n_step = 1");
  if (!agent_info(pretrain.agent).trains_critic && pretrain.steps > 0 && trains_online &&
      (finetune.initialise == "both" || finetune.initialise == "critic"))
    refuse("pre-training gives no critic to start from", "pretrain.agent and finetune.initialise", "set finetune.initialise = \"policy\"");
  for (const auto& [learner, key, used] :
       {std::tuple{pretrain.agent, "pretrain.agent", pretrains}, {finetune.agent, "finetune.agent", trains_online}})
    if (agent.backup_entropy && used && learner != "sac" && learner != "bc")
      refuse("only SAC has entropy in its target", "agent.backup_entropy and " + std::string(key), "set agent.backup_entropy = false");
  if (run.precision != "fp32" && run.backend != "cpu")
    refuse("backend \"" + run.backend + "\" has one precision", "run.precision and run.backend", "set run.precision = \"fp32\"");
  if (finetune.min_buffer > run.replay_capacity)
    refuse("the buffer can never be full enough", "finetune.min_buffer and run.replay_capacity", "raise run.replay_capacity");
  // rows of a dataset that is appended count as well, and are not known here
  const std::int64_t rows = warm_up_steps() + finetune.steps;
  if (trains_online && retention.mode != "append" && rows < rows_before_update()) {
    const bool given = finetune.min_buffer > 0;
    refuse(
        fmt::format("not one update: {} environment steps in all, and learning starts with {} transitions", rows, rows_before_update()),
        given ? "finetune.steps, warm_up.steps and finetune.min_buffer" : "finetune.steps, warm_up.steps, finetune.batch and finetune.utd",
        given ? "raise finetune.steps or lower finetune.min_buffer"
              : "raise finetune.steps, lower finetune.batch or finetune.utd, or set finetune.min_buffer to start with fewer");
  }
}

namespace {

const std::vector<std::pair<std::string, bool>> kPaperGroup = {{"network.shared_output", false},
                                                               {"agent.subset_with_replacement", false},
                                                               {"agent.idle_adam_steps", false},
                                                               {"warm_up.reference_count", false}};

// Whoever lowers N without a word on M means M = min(2, N); who names both, or M later than N, is taken at their word.
void lower_subset(Recipe& recipe, const std::vector<Assignment>& assignments, const std::vector<Override>& overrides) {
  std::ptrdiff_t at = 0, members = -1, subset = -1;
  const auto see = [&](const std::string& key) {
    if (key == "network.num_qs") members = at;
    if (key == "agent.num_min_qs") subset = at;
  };
  std::string where;
  for (const auto& a : assignments) {
    if (a.where != where) ++at, where = a.where;  // one file, one moment
    see(a.key);
  }
  ++at;
  for (const auto& [key, text] : overrides) see(key);
  if (recipe.agent.num_min_qs > recipe.network.num_qs && subset < members) recipe.agent.num_min_qs = std::min(2, recipe.network.num_qs);
}

bool names(const std::vector<Override>& overrides, const std::string& key) {
  return std::any_of(overrides.begin(), overrides.end(), [&](const Override& o) { return o.first == key; });
}

// A number, or the sum of a list of integers.
double size_of(const Field& field, const std::string& where) {
  if (auto* const* i = std::get_if<std::int64_t*>(&field.target)) return static_cast<double>(**i);
  if (auto* const* i = std::get_if<int*>(&field.target)) return **i;
  if (auto* const* d = std::get_if<double*>(&field.target)) return **d;
  if (auto* const* list = std::get_if<std::vector<std::int64_t>*>(&field.target))
    return static_cast<double>(std::accumulate((*list)->begin(), (*list)->end(), std::int64_t{0}));
  throw usage_error("not a size: " + field.key, where, "reduced sizes are numbers and lists of integers; put this key into a recipe");
}

std::int64_t warm_up_of(const Recipe& recipe) {
  return recipe.warm_up.automatic() ? 0 : recipe.warm_up.steps;  // how long "auto" takes is not known yet
}

// Appends what makes `full`, the recipe of the files alone, smaller to `assignments`; `recipe` has the overrides as well. What is smaller
// already stays: two critics, no offline steps.
void reduce(Recipe full, const Recipe& recipe, const std::vector<Assignment>& small, const std::vector<Override>& overrides,
            std::vector<Assignment>& assignments) {
  Recipe reduced = full;
  const Fields now = reduced.fields(), was = full.fields();
  for (const auto& [key, where, value] : small) {
    if (key == "summary") continue;
    if (key != "environment_steps") {
      now.at(key, where).set(value, where);
      if (size_of(now.at(key, where), where) < size_of(was.at(key, where), where)) assignments.push_back({key, where, value});
      continue;
    }
    std::int64_t total = 0;
    Fields own("");
    own.add("environment_steps", total, {.help = "online, the warmup counted", .min = 1, .max = 1e12});
    own.list()[0].set(value, where);
    if (full.finetune.steps == 0 || names(overrides, "finetune.steps")) continue;
    total = std::min(total, warm_up_of(full) + full.finetune.steps);
    const std::int64_t warm_up = warm_up_of(recipe);
    if (total <= warm_up)
      throw usage_error(fmt::format("the warmup takes all {} environment steps", total),
                        where + ", key environment_steps, and warm_up.steps", "lower warm_up.steps, or give finetune.steps");
    assignments.push_back({"finetune.steps", where, total - warm_up});
  }
}

struct AssembleOptions {
  std::vector<Assignment> small = {};  ///< reduced sizes, when they are asked for
  bool with_task = true;               ///< false: the task may be unknown here
  PhasesToRun phases = {};
};

Recipe assemble(Recipe recipe, std::vector<Assignment> assignments, std::vector<Override> overrides, AssembleOptions options = {}) {
  Fields fields = recipe.fields();
  // a plug-in names its task itself, whatever id a base or an earlier run wrote down
  for (const auto& a : assignments)
    if (a.key == "env.plugin") fields.at(a.key, a.where).set(a.value, a.where);
  for (const auto& [key, text] : overrides)
    if (key == "env.plugin") fields.at(key, "command line").set_text(text, "command line, --" + key);
  if (!recipe.env.plugin.empty()) {
    recipe.env.plugin = fs::absolute(recipe.env.plugin).lexically_normal().string();
    std::erase_if(assignments, [](const Assignment& a) { return a.key == "env.id" || a.key == "env.plugin"; });
    std::erase_if(overrides, [](const Override& o) { return o.first == "env.id" || o.first == "env.plugin"; });
  }
  const auto apply_files = [&]() {
    for (const auto& a : assignments) fields.at(a.key, a.where).set(a.value, a.where);
  };
  const auto apply = [&]() {
    apply_files();
    for (const auto& [key, text] : overrides) fields.at(key, "command line").set_text(text, "command line, --" + key);
  };
  apply_files();
  const Recipe full = recipe;
  apply();
  if (!options.small.empty()) {
    reduce(full, recipe, options.small, overrides, assignments);
    apply();
  }
  if (recipe.run.fidelity == "paper") {
    for (const auto& [key, value] : kPaperGroup) fields.at(key, "run.fidelity").set(value, "run.fidelity");
    apply();
  }
  lower_subset(recipe, assignments, overrides);
  if (!options.small.empty()) {  // no folder, and no method of a report, may mix both sizes
    if (!names(overrides, "name")) recipe.name += "-small";
    if (!recipe.label.empty() && !names(overrides, "label")) recipe.label += ", small";
    recipe.notes.push_back("reduced sizes of " + options.small.front().where + "; --dry-run shows them");
  }
  if (recipe.label.empty()) recipe.label = recipe.name;
  if (options.with_task && !recipe.env.plugin.empty()) recipe.env.id = env_spec(recipe.env).id;
  recipe.validate(options.with_task, options.phases);
  return recipe;
}

}  // namespace

Recipe load_recipe(const fs::path& path, const std::vector<Override>& overrides, RecipeSize size, PhasesToRun phases) {
  RecipeFiles files = gather_recipe(path, size == RecipeSize::kSmall);
  Recipe recipe;
  const std::string folder = fs::absolute(path).parent_path().filename().string();
  recipe.name = folder + "-" + path.stem().string();
  // a base's name is its own
  std::erase_if(files.assignments, [&](const Assignment& a) {
    return (a.key == "name" || a.key == "label" || a.key == "summary") && a.where != path.string();
  });
  recipe.notes = std::move(files.notes);
  return assemble(recipe, std::move(files.assignments), overrides, {.small = std::move(files.small), .phases = phases});
}

Recipe parse_recipe(const std::string& text, const std::string& where, const std::vector<Override>& overrides) {
  std::vector<Assignment> assignments;
  for (const auto& [key, value] : parse_toml(text, where)) assignments.push_back({key, where, value});
  return assemble({}, assignments, overrides);
}

Recipe parse_header_recipe(const std::string& text, const std::string& where) {
  std::vector<Assignment> assignments;
  std::string id;
  for (const auto& [key, value] : parse_toml(text, where)) {
    if (key == "env.id" && std::holds_alternative<std::string>(value)) id = std::get<std::string>(value);
    else assignments.push_back({key, where, value});
  }
  Recipe recipe = assemble({}, assignments, {}, {.with_task = false, .phases = {.pretrain = false, .online = false}});
  if (!id.empty()) recipe.env.id = id;
  return recipe;
}

}  // namespace warmstart
