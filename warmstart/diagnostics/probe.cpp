#include "warmstart/diagnostics/probe.h"

#include <fmt/format.h>

#include <algorithm>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

template <class Source>
Probe take(const Source& from, const std::vector<std::size_t>& rows) {
  Probe probe;
  probe.count = static_cast<int>(rows.size());
  if (rows.empty()) return probe;
  const Transition first = from.at(rows[0]);
  probe.rows.resize(probe.count, static_cast<int>(first.obs.size()), static_cast<int>(first.action.size()));
  for (int i = 0; i < probe.count; ++i) copy_row(from.at(rows[i]), probe.rows, i);
  return probe;
}

// the middles of `count` equal parts
std::vector<std::size_t> evenly(std::size_t size, int count) {
  const std::size_t n = std::min(size, static_cast<std::size_t>(count));
  std::vector<std::size_t> rows(n);
  for (std::size_t k = 0; k < n; ++k) rows[k] = (2 * k + 1) * size / (2 * n);
  return rows;
}

}  // namespace

Probe probe_of(const Dataset& data, int count) {
  // online an episode ends at its first true end: what a record holds behind it is never met
  std::vector<std::size_t> going_on, ends, rows;
  for (std::size_t row = 0; row < data.size(); ++row)
    if (data.held_out() == 0 || data.is_held_out(row)) (data.at(row).mask > 0 ? going_on : ends).push_back(row);
  const std::vector<std::size_t>& from = going_on.empty() ? ends : going_on;
  for (const std::size_t k : evenly(from.size(), count)) rows.push_back(from[k]);
  return take(data, rows);
}

Probe spread_probe(const ReplayBuffer& buffer, int count) { return take(buffer, evenly(buffer.stored(), count)); }

Probe newest_probe(const ReplayBuffer& buffer, int count) {
  const std::size_t n = std::min(buffer.stored(), static_cast<std::size_t>(count));
  std::vector<std::size_t> rows(n);
  for (std::size_t k = 0; k < n; ++k) rows[k] = buffer.stored() - n + k;
  return take(buffer, rows);
}

int Probe::not_terminal() const {
  return static_cast<int>(std::count_if(rows.mask.begin(), rows.mask.end(), [](float mask) { return mask > 0; }));
}

void put_probe(const Probe& probe, const std::string& name, SafeTensors& file) {
  if (probe.empty()) return;
  const auto put = [&](const char* what, std::span<const float> values, int cols) {
    std::vector<std::int64_t> shape = {probe.count};
    if (cols > 0) shape.push_back(cols);
    file.tensors[name + "/" + what] = Tensor::from(values, shape);
  };
  const auto matrix = [&](const char* what, const Matrix& m) { put(what, {m.data(), m.size()}, m.cols()); };
  matrix("obs", probe.rows.obs), matrix("action", probe.rows.action), matrix("next_obs", probe.rows.next_obs);
  put("reward", probe.rows.reward, 0), put("mask", probe.rows.mask, 0);
}

Probe get_probe(const SafeTensors& file, const std::string& name, const std::string& where) {
  Probe probe;
  if (!file.tensors.contains(name + "/obs")) return probe;
  const auto& obs = file.at(name + "/obs", where);
  const auto& action = file.at(name + "/action", where);
  if (obs.shape.size() != 2 || action.shape.size() != 2 || obs.shape[0] != action.shape[0])
    throw data_error("damaged rows of the diagnostics", where + ", tensor " + name, "use a file that `warmstart` wrote");
  probe.count = static_cast<int>(obs.shape[0]);
  probe.rows.resize(probe.count, static_cast<int>(obs.shape[1]), static_cast<int>(action.shape[1]));
  const auto fill = [&](const char* what, float* to, std::size_t size) {
    const Tensor& tensor = file.at(name + "/" + what, where);
    if (tensor.dtype != DType::kF32 || tensor.f32().size() != size)
      throw data_error(fmt::format("not the {} numbers that belong there", size), where + ", tensor " + name + "/" + what,
                       "use a file that `warmstart` wrote");
    std::copy(tensor.f32().begin(), tensor.f32().end(), to);
  };
  const auto matrix = [&](const char* what, Matrix& m) { fill(what, m.data(), m.size()); };
  matrix("obs", probe.rows.obs), matrix("action", probe.rows.action), matrix("next_obs", probe.rows.next_obs);
  fill("reward", probe.rows.reward.data(), probe.rows.reward.size()), fill("mask", probe.rows.mask.data(), probe.rows.mask.size());
  return probe;
}

}  // namespace warmstart
