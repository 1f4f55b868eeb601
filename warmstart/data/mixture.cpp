#include "warmstart/data/mixture.h"

#include <cmath>

#include "warmstart/core/error.h"

namespace warmstart {

Mixture::Mixture(const DataSource& online, const DataSource& offline, double offline_share) : online_(online), offline_(offline) {
  set_offline_share(offline_share);
}

void Mixture::set_offline_share(double share) {
  if (!(share >= 0 && share <= 1))
    throw usage_error("offline share " + std::to_string(share), "data mixture", "give a share from 0 (online only) to 1 (offline only)");
  offline_share_ = share;
}

int Mixture::offline_rows(int count) const {
  if (online_.size() == 0) return count;
  if (offline_.size() == 0) return 0;
  return static_cast<int>(std::lround(count * offline_share_));
}

void Mixture::sample(Rng& rng, BatchStorage& out, int first, int count) const {
  const int offline = offline_rows(count), online = count - offline;
  if (online) online_.sample(rng, out, first, online);
  if (offline) offline_.sample(rng, out, first + online, offline);
}

}  // namespace warmstart
