// Observations as networks see them: centered and scaled by what was seen of each coordinate.
//   x' = (x - mean) / (std + epsilon),  std over all rows added, as numpy's std;  a coordinate that never varied is centered alone
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "warmstart/core/matrix.h"

namespace warmstart {

/// Count, mean and sum of squared deviations of every coordinate (Welford): one row after another in double precision, so the same rows in
/// the same order give the same bits, and columns scaled by powers of two give results scaled by them.
struct ObsStatistics {
  std::int64_t count = 0;         ///< rows added
  std::vector<double> mean;       ///< [O]
  std::vector<double> deviation;  ///< [O] sum of (x - mean)^2

  void resize(int obs_size) { count = 0, mean.assign(obs_size, 0.0), deviation.assign(obs_size, 0.0); }
  void add(std::span<const float> obs);  ///< [O]
  double std(std::size_t j) const;       ///< of coordinate j, 0 without rows
};

/// What is applied; belongs to an Actor. Off, it leaves observations as they are, bit for bit.
class ObsNormalizer {
 public:
  ObsNormalizer() = default;
  /// On, without statistics: nothing is changed yet. `epsilon` >= 0.
  ObsNormalizer(int obs_size, double epsilon);

  /// What statistics came to, without them; both [O].
  static ObsNormalizer fixed(std::vector<float> mean, std::vector<float> scale);

  bool on() const { return !mean_.empty(); }
  const ObsStatistics& statistics() const { return statistics_; }
  double epsilon() const { return epsilon_; }
  /// Uses `statistics`, of this observation size, from now on.
  void set(const ObsStatistics& statistics);

  std::span<const float> mean() const { return mean_; }    ///< [O], empty when off
  std::span<const float> scale() const { return scale_; }  ///< [O] 1 / (std + epsilon)
  /// rows [B,O] in place; `to` may be `from`.
  void apply(std::span<const float> from, std::span<float> to) const;
  void apply(MatrixView rows) const;

 private:
  ObsStatistics statistics_;
  double epsilon_ = 0;
  std::vector<float> mean_, scale_;
};

}  // namespace warmstart
