#include "warmstart/phases/normalizer_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

const std::string kNormalizer = "normalizer/", kRows = "normalizer_rows";

}  // namespace

void put_normalizer(const ObsNormalizer& normalizer, SafeTensors& file, const std::string& prefix) {
  if (!normalizer.on()) return;
  const ObsStatistics& s = normalizer.statistics();
  for (const auto& [name, values] : {std::pair{"mean", &s.mean}, std::pair{"deviation", &s.deviation}}) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values->data());
    file.tensors[prefix + kNormalizer + name] = {
        DType::kF64, {static_cast<std::int64_t>(values->size())}, {bytes, bytes + values->size() * sizeof(double)}};
  }
  file.metadata[prefix + kRows] = std::to_string(s.count);
}

void get_normalizer(const SafeTensors& file, const std::string& where, ObsNormalizer& normalizer, const std::string& prefix) {
  if (!normalizer.on()) {
    if (file.tensors.contains(prefix + kNormalizer + "mean"))
      throw data_error("the agent was trained on normalized observations", where + ", data.normalize",
                       "use the recipe it was made with (in the file's header)");
    return;
  }
  ObsStatistics s;
  const std::size_t size = normalizer.mean().size();
  for (const auto& [name, values] : {std::pair{"mean", &s.mean}, std::pair{"deviation", &s.deviation}}) {
    const Tensor& t = file.at(prefix + kNormalizer + name, where);
    if (t.dtype != DType::kF64 || t.shape != std::vector<std::int64_t>{static_cast<std::int64_t>(size)})
      throw data_error(fmt::format("not the {} numbers that belong there", size), where + ", tensor " + prefix + kNormalizer + name,
                       "use a file that `warmstart` wrote");
    values->assign(t.f64().begin(), t.f64().end());
  }
  const auto rows = file.metadata.find(prefix + kRows);
  std::istringstream count(rows == file.metadata.end() ? "" : rows->second);
  const bool known = static_cast<bool>(count >> s.count);
  const auto finite = [](double x) { return std::isfinite(x); };
  if (!known || s.count < 0 || !std::all_of(s.mean.begin(), s.mean.end(), finite) ||
      !std::all_of(s.deviation.begin(), s.deviation.end(), [](double x) { return x >= 0 && std::isfinite(x); }))
    throw data_error("statistics of the observations that cannot be", where + ", tensors " + prefix + kNormalizer,
                     "use a file that `warmstart` wrote");
  normalizer.set(s);
}

bool has_normalizer(const SafeTensors& file) { return file.tensors.contains(kNormalizer + "mean"); }

}  // namespace warmstart
