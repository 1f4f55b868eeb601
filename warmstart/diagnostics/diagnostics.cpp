#include "warmstart/diagnostics/diagnostics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "warmstart/core/error.h"
#include "warmstart/nn/dormant.h"
#include "warmstart/nn/gaussian.h"

namespace warmstart {
namespace {

constexpr float kSaturated = 0.99f;
constexpr int kDormantRows = 64;  // enough to see whether a unit ever speaks

struct Gaussians {
  Matrix mean, log_std;
};

// Rows are kept as the task gives them; `actor`'s networks see them normalized.
Matrix seen_by(const Actor& actor, ConstMatrixView obs) {
  Matrix out(obs.rows, obs.cols);
  std::copy_n(obs.data, obs.size(), out.data());
  actor.normalizer.apply(out);
  return out;
}

// of normalized observations
Gaussians forward(Backend& backend, const Actor& actor, ConstMatrixView obs) {
  Gaussians g{Matrix(obs.rows, actor.spec.action), Matrix(obs.rows, actor.spec.action)};
  backend.actor_forward(actor, obs, g.mean, g.log_std, nullptr);
  return g;
}

std::vector<int> first_members(int count) {
  std::vector<int> members(count);
  std::iota(members.begin(), members.end(), 0);
  return members;
}

// [N, B] of all critics
Matrix all_q(Backend& backend, const Critic& critic, ConstMatrixView obs, ConstMatrixView action) {
  Matrix q(critic.spec.members, obs.rows);
  backend.q_values(critic, critic.params, first_members(critic.spec.members), obs, action, 1, q);
  return q;
}

std::vector<double> mean_over_members(const Matrix& q) {
  std::vector<double> mean(q.cols(), 0.0);
  for (int i = 0; i < q.rows(); ++i)
    for (int b = 0; b < q.cols(); ++b) mean[b] += q(i, b) / q.rows();
  return mean;
}

double mean(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size()); }

double norm(std::span<const float> x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

// Adam's running mean of the gradient, and the step it makes of it.
void add_norms(const std::string& who, const FloatVector& params, const Adam& adam, double learning_rate, Measurements& out) {
  out.emplace_back(who + "_norm", norm(params));
  if (adam.steps == 0) return;
  const AdamConfig config{.learning_rate = learning_rate};
  const double first = 1 - std::pow(config.b1, static_cast<double>(adam.steps)),
               second = 1 - std::pow(config.b2, static_cast<double>(adam.steps));
  double gradient = 0, update = 0;
  for (std::size_t i = 0; i < params.size(); ++i) {
    const double m = adam.m[i] / first, step = m / (std::sqrt(adam.v[i] / second) + config.eps);
    gradient += m * m, update += step * step;
  }
  out.emplace_back(who + "_gradient_norm", std::sqrt(gradient));
  out.emplace_back(who + "_update_norm", learning_rate * std::sqrt(update));
}

}  // namespace

Fields DiagnosticsConfig::fields() {
  Fields f("diagnostics");
  f.add("on", on,
        {"measure critics and policy on held-out offline, warm-up and newest transitions", "",
         "off for the last percent of speed; the collapse monitor then sees evaluations alone"});
  f.add("rows", rows,
        {"transitions of each of the three sets; the offline ones travel with pretrained.safetensors", "transitions",
         "0 to let no transition leave the dataset; more for less noise", 0, 65536});
  f.add("every", every,
        {"steps between measurements; 0 = with every row of training metrics (run.log_every)", "steps",
         "smaller to see the first moments after the switch", 0, 1e15});
  f.add("hold_out", hold_out,
        {"keep the episodes of the offline rows (at most 5% of the dataset) out of learning", "",
         "off to learn from every row, and for the same bits as without diagnostics"});
  return f;
}

double gaussian_kl(ConstMatrixView mean_p, ConstMatrixView log_std_p, ConstMatrixView mean_q, ConstMatrixView log_std_q) {
  const auto std_of = [](float log_std) { return std::clamp(std::exp(static_cast<double>(log_std)), double{kMinStd}, double{kMaxStd}); };
  double sum = 0;
  for (std::size_t i = 0; i < mean_p.size(); ++i) {
    const double p = std_of(log_std_p.data[i]), q = std_of(log_std_q.data[i]);
    const double gap = static_cast<double>(mean_p.data[i]) - mean_q.data[i];
    sum += std::log(q / p) + (p * p + gap * gap) / (2 * q * q) - 0.5;
  }
  return sum / mean_p.rows;
}

ActionStats action_stats(const ReplayBuffer& buffer, std::size_t newest) {
  ActionStats out;
  const std::size_t n = std::min(newest, buffer.stored()), first = buffer.stored() - n;
  if (n == 0) return out;
  std::size_t bound = 0, turns = 0;
  const auto size = static_cast<std::size_t>(buffer.action_size());
  for (std::size_t i = first; i < buffer.stored(); ++i) {
    const auto now = buffer.at(i).action;
    for (const float a : now) bound += std::abs(a) > kSaturated;
    if (i < first + 2 || !buffer.follows(i - 1) || !buffer.follows(i - 2)) continue;
    const auto before = buffer.at(i - 1).action, earlier = buffer.at(i - 2).action;
    for (std::size_t j = 0; j < size; ++j) out.chatter += std::abs(now[j] - 2 * before[j] + earlier[j]);
    turns += size;
  }
  out.saturation = static_cast<double>(bound) / static_cast<double>(n * size);
  if (turns > 0) out.chatter /= static_cast<double>(turns);
  return out;
}

void Diagnostics::take_warmup(const ReplayBuffer& buffer) {
  warmup_ = spread_probe(buffer, config_.rows);
  const ActionStats stats = action_stats(buffer, buffer.stored());
  warmup_actions_ = {static_cast<float>(stats.saturation), static_cast<float>(stats.chatter)};  // as a checkpoint holds them
}

void Diagnostics::remember(const Actor& actor, const Critic& critic, bool critic_learned) {
  actor_ = actor;
  critic_.reset();
  if (critic_learned) critic_ = critic;
}

TdError Diagnostics::td_error(const ActorCritic& now, const Probe& probe, Backend& backend) const {
  const Batch batch = probe.batch();
  const int rows = probe.count, size = now.actor.spec.action;
  const Matrix obs = seen_by(now.actor, batch.obs), next_obs = seen_by(now.actor, batch.next_obs);
  const Gaussians next = forward(backend, now.actor, next_obs);
  Matrix noise(rows, size), action(rows, size);
  Rng rng(seed_, "diagnostics");
  rng.fill_normal({noise.data(), noise.size()});
  sample_actions(next.mean, next.log_std, noise, now.actor.spec.squash, action, {});
  for (std::size_t i = 0; i < action.size(); ++i) action.data()[i] = std::clamp(action.data()[i], -1.0f, 1.0f);

  const int members = now.critic.spec.members, least = agent_.num_min_qs == 0 ? members : std::min(agent_.num_min_qs, members);
  Matrix next_q(least, rows);
  backend.q_values(now.critic, now.target_critic, first_members(least), next_obs, action, 1, next_q);
  const Matrix q = all_q(backend, now.critic, obs, batch.action);

  TdError out;
  out.q = mean_over_members(q);
  out.q_mean = mean(out.q);
  for (int b = 0; b < rows; ++b) {
    float lowest = next_q(0, b);
    for (int i = 1; i < least; ++i) lowest = std::min(lowest, next_q(i, b));
    const double y = batch.reward[b] + agent_.discount * batch.mask[b] * lowest;
    double squares = 0;
    for (int i = 0; i < members; ++i) {
      out.absolute += std::abs(q(i, b) - y) / members / rows;
      squares += (q(i, b) - out.q[b]) * (q(i, b) - out.q[b]) / members;
    }
    out.disagreement += std::sqrt(squares) / rows;
    out.q_spread += (out.q[b] - out.q_mean) * (out.q[b] - out.q_mean) / rows;
    out.target.push_back(y);
  }
  out.q_spread = std::sqrt(out.q_spread);
  return out;
}

void Diagnostics::add_set(const std::string& name, const Probe& probe, const ActorCritic& now, bool critic_learns, Backend& backend,
                          Measurements& out) const {
  if (probe.empty()) return;
  const Batch batch = probe.batch();
  out.emplace_back("not_terminal_" + name, probe.not_terminal());
  if (critic_learns) {
    const TdError td = td_error(now, probe, backend);
    out.emplace_back("q_" + name, td.q_mean);
    out.emplace_back("q_spread_" + name, td.q_spread);
    out.emplace_back("td_error_" + name, td.absolute);
    out.emplace_back("disagreement_" + name, td.disagreement);
    if (critic_) {
      const std::vector<double> before = mean_over_members(all_q(backend, *critic_, seen_by(*actor_, batch.obs), batch.action));
      double below = 0;
      for (int b = 0; b < probe.count; ++b) below += td.target[b] < before[b];
      out.emplace_back("below_pretrained_" + name, below / probe.count);
    }
  }
  if (!actor_) return;
  const Gaussians p = forward(backend, now.actor, seen_by(now.actor, batch.obs)),
                  q = forward(backend, *actor_, seen_by(*actor_, batch.obs));
  out.emplace_back("kl_" + name, gaussian_kl(p.mean, p.log_std, q.mean, q.log_std));
  Matrix a = p.mean, b = q.mean;
  mode_actions(a, now.actor.spec.squash, a);
  mode_actions(b, actor_->spec.squash, b);
  double distance = 0;
  for (int i = 0; i < probe.count; ++i) {
    double squares = 0;
    for (int j = 0; j < a.cols(); ++j) squares += std::pow(static_cast<double>(a(i, j)) - b(i, j), 2);
    distance += std::sqrt(squares) / probe.count;
  }
  out.emplace_back("action_distance_" + name, distance);
}

Measurements Diagnostics::measure(const ActorCritic& now, bool critic_learns, Backend& backend, const ReplayBuffer* buffer) const {
  Measurements out;
  const Probe newest = buffer ? newest_probe(*buffer, config_.rows) : Probe{};
  add_set("offline", offline_, now, critic_learns, backend, out);
  add_set("warmup", warmup_, now, critic_learns, backend, out);
  add_set("online", newest, now, critic_learns, backend, out);
  if (!warmup_.empty())
    out.emplace_back("saturation_warmup", warmup_actions_.saturation), out.emplace_back("chatter_warmup", warmup_actions_.chatter);
  if (buffer && buffer->stored() > 0) {
    const ActionStats stats = action_stats(*buffer, static_cast<std::size_t>(config_.rows));
    out.emplace_back("saturation_online", stats.saturation), out.emplace_back("chatter_online", stats.chatter);
  }
  add_norms("actor", now.actor.params, now.actor_adam, agent_.actor_lr, out);
  if (critic_learns) add_norms("critic", now.critic.params, now.critic_adam, agent_.critic_lr, out);
  const Probe& inputs = newest.empty() ? offline_ : newest;
  if (inputs.empty()) return out;
  const int rows = std::min(inputs.count, kDormantRows);
  const Matrix obs = seen_by(now.actor, inputs.rows.obs.view().slice(0, rows));
  const ConstMatrixView action = inputs.rows.action.view().slice(0, rows);
  out.emplace_back("actor_dormant", dormant_share(now.actor, obs));
  if (critic_learns) out.emplace_back("critic_dormant", dormant_share(now.critic, obs, action));
  return out;
}

void Diagnostics::put(SafeTensors& file) const {
  put_offline(file);
  put_probe(warmup_, "diagnostics/warmup", file);
  const auto flat = [&](const std::string& name, const FloatVector& values) {
    file.tensors["diagnostics/" + name] = Tensor::from(values, {static_cast<std::int64_t>(values.size())});
  };
  flat("warmup_actions", {static_cast<float>(warmup_actions_.saturation), static_cast<float>(warmup_actions_.chatter)});
  const auto floats = [](std::span<const float> values) { return FloatVector(values.begin(), values.end()); };
  if (actor_) flat("pretrained_actor", actor_->params);
  if (actor_ && actor_->normalizer.on())
    flat("pretrained_obs_mean", floats(actor_->normalizer.mean())), flat("pretrained_obs_scale", floats(actor_->normalizer.scale()));
  if (critic_) flat("pretrained_critic", critic_->params);
}

void Diagnostics::get(const SafeTensors& file, const std::string& where, const ActorCritic& shapes) {
  get_offline(file, where);
  warmup_ = get_probe(file, "diagnostics/warmup", where);
  const auto flat = [&](const std::string& name, FloatVector& values) {
    const Tensor& tensor = file.at("diagnostics/" + name, where);
    if (tensor.dtype != DType::kF32 || tensor.f32().size() != values.size())
      throw data_error("not the numbers that belong there", where + ", tensor diagnostics/" + name, "use a file that `warmstart` wrote");
    std::copy(tensor.f32().begin(), tensor.f32().end(), values.begin());
  };
  FloatVector actions(2);
  flat("warmup_actions", actions);
  warmup_actions_ = {actions[0], actions[1]};
  actor_.reset(), critic_.reset();
  if (file.tensors.contains("diagnostics/pretrained_actor")) actor_ = shapes.actor, flat("pretrained_actor", actor_->params);
  if (actor_ && actor_->normalizer.on()) {
    FloatVector mean(actor_->normalizer.mean().size()), scale(mean.size());
    flat("pretrained_obs_mean", mean), flat("pretrained_obs_scale", scale);
    actor_->normalizer = ObsNormalizer::fixed({mean.begin(), mean.end()}, {scale.begin(), scale.end()});
  }
  if (file.tensors.contains("diagnostics/pretrained_critic")) critic_ = shapes.critic, flat("pretrained_critic", critic_->params);
}

}  // namespace warmstart
