#include "warmstart/phases/stats.h"

#include <cmath>

namespace warmstart {

void StatsMeter::add(UpdateStats stats) {
  std::size_t i = 0;
  stats.visit([&](const char*, double value) {
    if (sums_.size() <= i) sums_.push_back(0), counts_.push_back(0);
    if (!std::isnan(value)) sums_[i] += value, ++counts_[i];
    ++i;
  });
  ++count_;
}

std::vector<std::pair<std::string, double>> StatsMeter::take() {
  std::vector<std::pair<std::string, double>> out;
  UpdateStats names;
  std::size_t i = 0;
  names.visit([&](const char* name, double) {
    if (i < sums_.size() && counts_[i] > 0) out.emplace_back(name, sums_[i] / static_cast<double>(counts_[i]));
    ++i;
  });
  *this = {};
  return out;
}

void StatsMeter::save(StateWriter& out) const { out.put(sums_), out.put(counts_), out.put(count_); }
void StatsMeter::load(StateReader& in) { in.get(sums_), in.get(counts_), in.get(count_); }

}  // namespace warmstart
