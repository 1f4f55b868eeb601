#include <gtest/gtest.h>
#include <fmt/format.h>
#include "warmstart/envs/peg_insertion.h"
#include <chrono>
namespace warmstart {
TEST(Peg, Scratch) {
  const auto b0 = std::chrono::steady_clock::now();
  auto env = make_env({.id = "FrankaPegInsertion-v0"});
  fmt::print("make {:.3f} s\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - b0).count());
  auto* peg = dynamic_cast<PegInsertion*>(env.get());
  Rng rng(1, "t");
  env->reset(rng);
  auto show = [&] {
    std::string s;
    for (double v : env->obs()) s += fmt::format("{:.3f} ", v);
    fmt::print("{} | pen {:.2e} ke {:.2e}\n", s, peg->penetration(), peg->kinetic_energy());
  };
  show();
  std::vector<double> a(6, 0.0);
  for (int i = 0; i < 5; ++i) env->step(a), show();
  for (int i = 0; i < 25; ++i) {
    auto o = env->obs();
    a = {-o[19] / 2, -o[20] / 2, i < 12 ? (8 - o[21]) / 2 : -0.5, -o[22] / 0.1, -o[23] / .1, -o[24] / .1};
    Step s = env->step(a);
    show();
    if (s.terminated) { fmt::print("done {}\n", i); break; }
  }
}
}
