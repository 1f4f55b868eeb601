// A recorded configuration in our terms. Every recorded key is either honoured, known to have no effect on an update, or
// refused by name.
#include <cmath>
#include <sstream>
#include <stdexcept>

#include "tests/golden/case.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart::golden {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& why) {
  throw std::runtime_error("recorded configuration key \"" + key + "\": " + why);
}

/// One recorded object; remembers which keys were looked at.
class Keys {
 public:
  Keys(const Json& parent, const std::string& key) : where_(key), object_(parent.contains(key) ? parent.at(key) : Json()) {
    if (object_.is_null()) object_ = Json::object();
    if (!object_.is_object()) refuse(where_, "is not an object");
  }

  bool has(const std::string& key) {
    seen_.insert(key);
    return object_.contains(key) && !object_.at(key).is_null();
  }
  const Json& operator[](const std::string& key) { return object_.at(key); }

  double number(const std::string& key, double fallback) {
    if (!has(key)) return fallback;
    const Json& v = object_.at(key);
    if (v.is_boolean()) return v.get<bool>();
    if (v.is_number()) return v.get<double>();
    try {
      return std::stod(v.get<std::string>());  // "inf", "-inf", "nan"
    } catch (const std::exception&) {
      refuse(name(key), "is not a number: " + v.dump());
    }
  }
  int whole(const std::string& key, int fallback) {
    const double v = number(key, fallback);
    if (v != std::floor(v)) refuse(name(key), "is not a whole number");
    return static_cast<int>(v);
  }
  bool flag(const std::string& key, bool fallback) { return number(key, fallback) != 0; }
  std::string text(const std::string& key, const std::string& fallback) { return has(key) ? object_.at(key).get<std::string>() : fallback; }

  /// Only `value` is supported.
  void only(const std::string& key, const Json& value) {
    if (has(key) && object_.at(key) != value) refuse(name(key), "only " + value.dump() + " is supported, not " + object_.at(key).dump());
  }
  /// Keys that change nothing in an update from a recorded state.
  void inert(std::initializer_list<const char*> keys) { seen_.insert(keys.begin(), keys.end()); }

  void finish() const {
    for (const auto& [key, value] : object_.items())
      if (!seen_.contains(key) && !value.is_null()) refuse(name(key), "cannot be honoured (value " + value.dump() + ")");
  }
  std::string name(const std::string& key) const { return where_ + "." + key; }

 private:
  std::string where_;
  Json object_;
  std::set<std::string> seen_;
};

/// An optimizer's settings come as an object, or as YAML text of one `key: value` a line.
Json optimizer_object(const Json& value, const std::string& where) {
  if (value.is_object()) return value;
  if (!value.is_string()) refuse(where, "is neither an object nor text");
  Json out = Json::object();
  std::istringstream lines(value.get<std::string>());
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string rest = line.substr(colon + 1);
    rest.erase(0, rest.find_first_not_of(' '));
    const Json parsed = Json::parse(rest, nullptr, false);
    out[line.substr(0, colon)] = parsed.is_discarded() ? Json(rest) : parsed;
  }
  return out;
}

/// The learning rate, which may be recorded in two places but not as two values; anything else that an optimizer may do
/// is refused.
void read_rate(Keys& keys, const std::string& key, double& rate) {
  if (!keys.has(key)) return;
  const Json settings = optimizer_object(keys[key], keys.name(key));
  for (const auto& [name, value] : settings.items()) {
    if (name == "learning_rate") {
      if (!std::isnan(rate) && rate != value.get<double>())
        refuse(keys.name(key) + "." + name, "differs from the other place it is recorded");
      rate = value.get<double>();
    } else if (!value.is_null() && value != 0 && value != false)
      refuse(keys.name(key) + "." + name, "cannot be honoured (value " + value.dump() + ")");
  }
}

TrunkSpec read_trunk(Keys& parent, const std::string& key, int input, double* dropout = nullptr) {
  TrunkSpec trunk{.input = input, .hidden = {256, 256}, .layer_norm = false};
  if (!parent.has(key)) return trunk;
  const Json holder = {{key, parent[key]}};
  Keys keys(holder, key);
  if (keys.has("hidden_dims")) trunk.hidden = keys["hidden_dims"].get<std::vector<int>>();
  trunk.layer_norm = keys.flag("use_layer_norm", false);
  keys.only("activations", "relu");
  keys.only("activate_final", true);
  keys.only("use_group_norm", false);
  if (const double rate = keys.number("dropout_rate", 0); dropout) *dropout = rate;
  else if (rate != 0) refuse(keys.name("dropout_rate"), "cannot be honoured");
  trunk.final_scale = keys.number("kernel_scale_final", 0);
  keys.inert({"kernel_init_type"});
  keys.finish();
  return trunk;
}

void read_policy(Keys& parent, ActorSpec& actor) {
  if (!parent.has("policy_kwargs")) return;  // the defaults of ActorSpec are those of the reference
  const Json holder = {{"policy_kwargs", parent["policy_kwargs"]}};
  Keys keys(holder, "policy_kwargs");
  const std::string head = keys.text("std_parameterization", "exp");
  if (head != "exp" && head != "uniform") refuse(keys.name("std_parameterization"), "cannot be honoured (value " + head + ")");
  actor.std_head = head == "uniform" ? StdHead::kUniform : StdHead::kExp;
  actor.squash = keys.flag("tanh_squash_distribution", false);
  for (const auto& [key, ours] : {std::pair{"std_min", kMinStd}, {"std_max", kMaxStd}})
    if (static_cast<float>(keys.number(key, ours)) != ours) refuse(keys.name(key), "cannot be honoured");
  keys.inert({"init_final", "kernel_init_type"});
  keys.finish();
}

void read_cql(Keys& keys, Setup& s) {
  CqlConfig& q = s.settings.cql;
  q.calibrated = keys.flag("use_calql", s.agent == "calql");
  s.agent = q.calibrated ? "calql" : "cql";
  q.use_loss = keys.flag("use_cql_loss", true);
  q.use_td_loss = keys.flag("use_td_loss", true);
  q.alpha = keys.number("cql_alpha", q.alpha);
  q.autotune_alpha = keys.flag("cql_autotune_alpha", false);
  q.target_gap = keys.number("cql_target_action_gap", q.target_gap);
  q.fresh_alpha_draws = true;  // the recorded loss of alpha repeats the gap
  q.actions = keys.whole("cql_n_actions", q.actions);
  q.random_actions = keys.text("cql_action_sample_method", "uniform");
  if (q.random_actions != "uniform" && q.random_actions != "normal")
    refuse(keys.name("cql_action_sample_method"), "cannot be honoured (value " + q.random_actions + ")");
  q.temperature = keys.number("cql_temp", 1);
  q.importance_sampling = keys.flag("cql_importance_sample", true);
  q.max_target_backup = keys.flag("cql_max_target_backup", true);
  q.floor_random_actions = keys.flag("calql_bound_random_actions", false);
  q.clip_min = keys.number("cql_clip_diff_min", q.clip_min);
  q.clip_max = keys.number("cql_clip_diff_max", q.clip_max);
  read_rate(keys, "cql_alpha_lagrange_otpimizer_kwargs", q.alpha_lr);  // sic
  keys.only("critic_network_type", "mlp");
  keys.inert({"temperature_init", "cql_alpha_lagrange_init"});  // the state they set is recorded
  keys.inert({"max_target_backup", "n_actions"});               // CQL reads its own in their place
  keys.inert({"online_cql_alpha"});                             // a training script's, no agent's
  // a utd update tunes the temperature regardless of this key
  if (s.utd == 1) keys.only("autotune_entropy", true);
  else keys.inert({"autotune_entropy"});
}

void read_iql(Keys& keys, Setup& s) {
  IqlConfig& q = s.settings.iql;
  q.expectile = keys.number("expectile", q.expectile);
  q.temperature = keys.number("temperature", 1);
  q.extraction = keys.text("actor_type", "awr");
  if (q.extraction != "awr" && q.extraction != "ddpg+bc")
    refuse(keys.name("actor_type"), "cannot be honoured (value " + q.extraction + ")");
  q.bc_weight = keys.number("actor_bc_loss_weight", 0);
  q.target_advantage = keys.flag("update_actor_with_target_adv", true);
  s.settings.agent.tau = keys.number("target_update_rate", 0.005);
}

/// The numbers that the recording's optimizers really ran with.
void check_optimizer(const Case& c, const std::string& net, double rate) {
  const std::string key = "config/opt/" + net;
  if (!c.has(key)) return;
  const auto values = c.at(key).f64();  // learning rate, b1, b2, eps, eps_root, weight decay, clip, warm-up
  const AdamConfig adam{.learning_rate = rate};
  const auto check = [&](std::size_t i, double ours, const std::string& what) {
    if (i < values.size() && !std::isnan(values[i]) && std::abs(values[i] - ours) > 1e-6 * std::abs(ours))
      refuse(key + " (" + what + ")", "recorded " + std::to_string(values[i]));
  };
  check(0, adam.learning_rate, "learning_rate");
  check(1, adam.b1, "b1"), check(2, adam.b2, "b2"), check(3, adam.eps, "eps");
  check(4, 0, "eps_root"), check(5, 0, "weight_decay"), check(7, 0, "warmup_steps");
  if (values.size() > 6 && !std::isnan(values[6])) refuse(key + " (clip_grad_norm)", "cannot be honoured");
}

}  // namespace

Setup read_setup(const Case& c) {
  Setup s;
  s.agent = c.agent;
  if (s.agent != "sac" && s.agent != "cql" && s.agent != "calql" && s.agent != "iql") refuse("agent", "unknown value " + s.agent);
  const Json& side = c.sidecar;
  const std::string call = side.at("call");
  s.updates = side.at("updates");
  s.utd = side.value("utd_ratio", 1);
  if (call == "update") s.utd = 1;
  else if (call != "update_high_utd") refuse("call", "unknown value " + call);
  // the reference then makes two gradient steps of one network group each; ours makes one of both
  else if (s.utd == 1) refuse("call", "update_high_utd with utd_ratio 1 has no counterpart");
  const int obs = side.at("obs_dim"), act = side.at("act_dim");

  // agent_config holds what the agent ran with; agent_kwargs what it was built from: shapes and optimizers
  Keys config(side, "agent_config"), kwargs(side, "agent_kwargs");
  AgentConfig& a = s.settings.agent;
  const auto rates = {&a.actor_lr, &a.critic_lr, &a.temperature_lr, &s.settings.cql.alpha_lr};
  for (double* rate : rates) *rate = std::numeric_limits<double>::quiet_NaN();
  a.discount = config.number("discount", 0.99);
  a.tau = config.number("soft_target_update_rate", 0.005);  // IQL has its own name for it
  a.num_min_qs = config.has("critic_subsample_size") ? config.whole("critic_subsample_size", 0) : 0;
  a.target_entropy = config.number("target_entropy", -act);
  a.backup_entropy = config.flag("backup_entropy", false);
  a.bc_weight = config.number("bc_loss_weight", 0);
  const bool is_sac = s.agent == "sac", is_iql = s.agent == "iql";
  if (is_iql && call != "update") refuse("call", "IQL has no " + call);
  for (Keys* keys : {&kwargs, &config}) {
    read_rate(*keys, "actor_optimizer_kwargs", a.actor_lr);
    read_rate(*keys, is_iql ? "value_critic_optimizer_kwargs" : "critic_optimizer_kwargs", a.critic_lr);
    read_rate(*keys, "temperature_optimizer_kwargs", a.temperature_lr);
  }
  if (is_iql) {
    read_iql(config, s);
  } else if (!is_sac) {
    read_rate(kwargs, "cql_alpha_lagrange_otpimizer_kwargs", s.settings.cql.alpha_lr);
    read_cql(config, s);
  } else {
    a.max_target_backup = config.flag("max_target_backup", false);
    a.backup_actions = config.whole("n_actions", 10);
    // SAC tunes the temperature whatever this key says
    config.inert({"autotune_entropy", "temperature_init"});
  }

  for (double* rate : rates)
    if (std::isnan(*rate)) *rate = 3e-4;  // the reference's default

  const int members = config.whole("critic_ensemble_size", 2);
  s.critic = {.obs = obs, .action = act, .members = members, .trunk = read_trunk(kwargs, "critic_network_kwargs", obs + act)};
  s.actor = {.obs = obs,
             .action = act,
             .trunk = read_trunk(kwargs, "policy_network_kwargs", obs, is_iql ? &s.settings.iql.actor_dropout : nullptr)};
  read_policy(kwargs, s.actor);

  // what agent_config repeats is judged there
  const Json repeated = side.value("agent_config", Json::object());
  for (const auto& [key, value] : repeated.items()) kwargs.inert({key.c_str()});
  kwargs.inert({"temperature_init", "shared_encoder"});
  config.finish();
  kwargs.finish();

  check_optimizer(c, "actor", a.actor_lr);
  check_optimizer(c, "critic", a.critic_lr);
  check_optimizer(c, "value", a.critic_lr);
  check_optimizer(c, "temperature", a.temperature_lr);
  if (s.settings.cql.autotune_alpha) check_optimizer(c, "cql_alpha_lagrange", s.settings.cql.alpha_lr);
  return s;
}

}  // namespace warmstart::golden
