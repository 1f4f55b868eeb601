// A contest of candidates: each must agree with the first, then all are timed in turns, so that a slow moment of the machine
// hits every one of them.
#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "warmstart/core/matrix.h"
#include "warmstart/nn/cpu/kernels.h"

namespace lab {

/// Values in [-0.5, 0.5) on huge pages.
struct Array : warmstart::FloatVector {
  explicit Array(std::size_t n) {
    resize(n);
    for (std::size_t i = 0; i < n; ++i) (*this)[i] = static_cast<float>(i * 2654435761u % 1000) / 1000 - 0.5f;
  }
};

class Contest {
 public:
  Contest(std::string title, std::string unit) : title_(std::move(title)), unit_(std::move(unit)) {}
  /// `work` in 1e9 units per call; `run` returns some of its results.
  void add(std::string name, double work, std::function<std::vector<float>()> run) {
    candidates_.push_back({std::move(name), work, std::move(run), {}});
  }

  void run() {
    std::printf("\n%s\n", title_.c_str());
    const std::vector<float> expected = candidates_[0].run();
    std::vector<double> peaks;
    for (int round = 0; round < 9; ++round) {
      peaks.push_back(warmstart::cpu::kernels().fma_peak(1));
      for (Candidate& c : candidates_) {
        const auto start = std::chrono::steady_clock::now();
        const std::vector<float> got = c.run();
        c.rates.push_back(c.work / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        for (std::size_t i = 0; round == 0 && i < got.size(); ++i)
          if (!(std::abs(got[i] - expected[i]) < 1e-3f))
            std::printf("  WRONG: %s at %zu: %g, not %g\n", c.name.c_str(), i, got[i], expected[i]), i = got.size();
      }
    }
    for (Candidate& c : candidates_)
      std::printf("  %-34s %7.1f %s (best %.1f)\n", c.name.c_str(), median(c.rates), unit_.c_str(),
                  *std::max_element(c.rates.begin(), c.rates.end()));
    std::printf("  multiply-add peak of one core in the same rounds: %.0f GFLOP/s\n", median(peaks));
  }

 private:
  struct Candidate {
    std::string name;
    double work;
    std::function<std::vector<float>()> run;
    std::vector<double> rates;
  };
  static double median(std::vector<double>& v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
  }
  std::string title_, unit_;
  std::vector<Candidate> candidates_;
};

}  // namespace lab
