// Online and offline transitions in fixed shares: RLPD and Cal-QL's retention.
#pragma once
#include "warmstart/data/transition.h"

namespace warmstart {

/// Each call to `sample` fills [online | offline] with round(count * offline_share) offline rows. Who asks once per UTD
/// slice gets that share in every slice (interleaved, our default); who asks once for the whole batch and then cuts it
/// gets slices of one kind (the reference's behaviour). A source that is still empty leaves its rows to the other.
/// Owns neither source; both must outlive it.
class Mixture : public DataSource {
 public:
  /// `offline_share` in [0, 1]; throws Error(kUsage) otherwise.
  Mixture(const DataSource& online, const DataSource& offline, double offline_share);

  std::size_t size() const override { return online_.size() + offline_.size(); }
  void sample(Rng& rng, BatchStorage& out, int first, int count) const override;
  bool has_mc_return() const override { return online_.has_mc_return() && offline_.has_mc_return(); }

  double offline_share() const { return offline_share_; }
  void set_offline_share(double share);  ///< for annealing; same range
  int offline_rows(int count) const;     ///< how many of `count` rows the next sample takes from the offline source

 private:
  const DataSource& online_;
  const DataSource& offline_;
  double offline_share_ = 0;
};

}  // namespace warmstart
