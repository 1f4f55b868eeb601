// A training step allocates nothing once its scratch has grown: every operator new of the process is counted, the libraries' included.
// oneDNN packs the operands of a product into memory that it takes from malloc at each call; that is not seen here.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include "fixtures.h"
#include "warmstart/agents/policy.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> news{0};

void* counted(std::size_t size, std::size_t align) {
  if (counting) ++news;
  void* p = align > alignof(std::max_align_t) ? std::aligned_alloc(align, (size + align - 1) / align * align) : std::malloc(size);
  if (!p) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new[](std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t align) { return counted(size, static_cast<std::size_t>(align)); }
void* operator new[](std::size_t size, std::align_val_t align) { return counted(size, static_cast<std::size_t>(align)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace warmstart::testing_agents {
namespace {

class Allocation : public ::testing::TestWithParam<std::tuple<const char*, Precision>> {};

TEST_P(Allocation, NoneInATrainingStep) {
  const World world("exp");
  const auto& [agent_name, precision] = GetParam();
  const auto backend = make_cpu_backend(2, precision);
  AgentConfig config;
  config.max_target_backup = true;
  CqlConfig cql;
  cql.autotune_alpha = true;
  const auto agent = make_agent(agent_name, {.agent = config, .cql = cql}, world.start, *backend);
  Rng rng(1, "allocation");
  RandomNoise noise(rng);
  const Batch batch = world.batch.view(true);
  const int utd = std::string(agent_name) == "sac" ? 2 : 1;
  for (int i = 0; i < 30; ++i) agent->update(batch, utd, noise);  // until every buffer has met its largest block

  news = 0, counting = true;
  for (int i = 0; i < 5; ++i) agent->update(batch, utd, noise);
  counting = false;
  EXPECT_EQ(news, 0);

  counting = true;                                 // the counter must be able to count
  ::operator delete(::operator new(sizeof(int)));  // a new-expression may be optimised away
  counting = false;
  EXPECT_EQ(news, 1);
}

TEST(Allocation, NoneInActing) {
  const World world("exp");
  Policy policy(std::make_shared<const Actor>(world.start.actor), Rng(1, "acting"));
  std::array<float, kAct> action;
  const auto act = [&](bool deterministic) { policy.act({world.batch.obs.row(0), kObs}, deterministic, action); };
  act(true), act(false);
  news = 0, counting = true;
  act(true), act(false);
  counting = false;
  EXPECT_EQ(news, 0);
}

INSTANTIATE_TEST_SUITE_P(Agents, Allocation,
                         ::testing::Combine(::testing::Values("sac", "cql", "calql", "bc"),
                                            ::testing::Values(Precision::kFp32, Precision::kBf16Emulated)));

}  // namespace
}  // namespace warmstart::testing_agents
