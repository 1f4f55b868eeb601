#include "warmstart/io/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "../support.h"
#include "limited_disk.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

MetricsRow row(std::int64_t step, double value) { return {"finetune", step, "eval", {{"return_mean", value}, {"success_rate", 0.5}}}; }

TEST(Metrics, WritesBothForms) {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), {});
  log.write({"pretrain", 1000, "train", {{"critic_loss", 0.1}, {"q_mean", -1e-30}, {"actor_loss", 12345678.0}}});
  log.write({"finetune", 0, "switch", {{"return_mean", kNaN}, {"drop", -kInf}}});
  EXPECT_EQ(read_text(folder / "metrics.csv"),
            "phase,step,kind,name,value\n"
            "pretrain,1000,train,critic_loss,0.1\n"
            "pretrain,1000,train,q_mean,-1e-30\n"
            "pretrain,1000,train,actor_loss,12345678\n"
            "finetune,0,switch,return_mean,nan\n"
            "finetune,0,switch,drop,-inf\n");
  EXPECT_EQ(read_text(folder / "metrics.jsonl"),
            "{\"phase\":\"pretrain\",\"step\":1000,\"kind\":\"train\",\"critic_loss\":0.1,\"q_mean\":-1e-30,\"actor_loss\":12345678}\n"
            "{\"phase\":\"finetune\",\"step\":0,\"kind\":\"switch\",\"return_mean\":null,\"drop\":null}\n");
}

TEST(Metrics, ReadsBackTheSameDoubles) {
  const TemporaryFolder folder;
  const std::vector<double> values = {1.0 / 3, 0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 1e21, kNaN};
  {
    MetricsLog log(folder.path(), {});
    for (std::size_t i = 0; i < values.size(); ++i) log.write(row(static_cast<std::int64_t>(i), values[i]));
  }
  const auto rows = read_metrics(folder.path());
  ASSERT_EQ(rows.size(), values.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].phase, "finetune");
    EXPECT_EQ(rows[i].step, static_cast<std::int64_t>(i));
    EXPECT_EQ(rows[i].kind, "eval");
    ASSERT_EQ(rows[i].values.size(), 2u);
    EXPECT_EQ(rows[i].values[0].first, "return_mean");  // order is kept
    const double got = rows[i].values[0].second;
    EXPECT_TRUE(std::isnan(values[i]) ? std::isnan(got) : got == values[i] && std::signbit(got) == std::signbit(values[i])) << got;
  }
}

TEST(Metrics, ResumingCutsBackToTheCheckpoint) {
  const TemporaryFolder folder, straight;
  MetricsLog::Offsets committed;
  {
    MetricsLog log(folder.path(), {});
    log.write(row(1, 0.25));
    committed = log.sync();
    EXPECT_EQ(committed.jsonl, fs::file_size(folder / "metrics.jsonl"));
    EXPECT_EQ(committed.csv, fs::file_size(folder / "metrics.csv"));
    log.write(row(2, 99));  // after the checkpoint: computed again when resumed
    log.write_timing("finetune", 2, 1.5, 100);
  }
  // what a crash tears
  spill(folder / "metrics.jsonl", "{\"phase\":\"fine", std::ios::app);
  spill(folder / "metrics.csv", "finetune,3,ev", std::ios::app);
  spill(folder / "timing.jsonl", "{\"pha", std::ios::app);
  {
    MetricsLog log(folder.path(), committed);
    log.write(row(2, 0.5));
    log.write_timing("finetune", 2, 0.25, kNaN);
  }
  {
    MetricsLog log(straight.path(), {});
    log.write(row(1, 0.25));
    log.write(row(2, 0.5));
  }
  EXPECT_EQ(read_text(folder / "metrics.jsonl"), read_text(straight / "metrics.jsonl"));
  EXPECT_EQ(read_text(folder / "metrics.csv"), read_text(straight / "metrics.csv"));
  EXPECT_EQ(read_text(folder / "timing.jsonl"),
            "{\"phase\":\"finetune\",\"step\":2,\"seconds\":1.5,\"steps_per_second\":100}\n"
            "{\"phase\":\"finetune\",\"step\":2,\"seconds\":0.25,\"steps_per_second\":null}\n");
}

TEST(Metrics, ANewRunStartsClean) {
  const TemporaryFolder folder;
  MetricsLog(folder.path(), {}).write(row(1, 1));
  MetricsLog(folder.path(), {}).write(row(1, 2));
  EXPECT_EQ(read_metrics(folder.path()).size(), 1u);
  EXPECT_EQ(read_text(folder / "metrics.csv"),
            "phase,step,kind,name,value\nfinetune,1,eval,return_mean,2\nfinetune,1,eval,success_rate,0.5\n");
}

TEST(Metrics, RefusesAFileShorterThanTheCheckpoint) {
  const TemporaryFolder folder;
  MetricsLog::Offsets committed;
  {
    MetricsLog log(folder.path(), {});
    log.write(row(1, 1));
    committed = log.sync();
  }
  fs::resize_file(folder / "metrics.jsonl", committed.jsonl - 1);
  try {
    MetricsLog log(folder.path(), committed);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::kData);
    EXPECT_NE(std::string(error.what()).find("metrics.jsonl"), std::string::npos);
  }
}

TEST(Metrics, ATornLastLineIsNotRead) {
  const TemporaryFolder folder;
  MetricsLog(folder.path(), {}).write(row(1, 1));
  spill(folder / "metrics.jsonl", "{\"phase\":\"finetune\",\"step\":2", std::ios::app);
  EXPECT_EQ(read_metrics(folder.path()).size(), 1u);
}

TEST(Metrics, AMalformedLineIsNamed) {
  const TemporaryFolder folder;
  for (const char* bad :
       {"{nonsense", "3", "{\"step\":1,\"kind\":\"eval\"}", "{\"phase\":\"p\",\"step\":1,\"kind\":\"eval\",\"x\":\"text\"}"}) {
    MetricsLog(folder.path(), {}).write(row(1, 1));
    spill(folder / "metrics.jsonl", std::string(bad) + "\n", std::ios::app);
    try {
      read_metrics(folder.path());
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::kData);
      EXPECT_NE(std::string(error.what()).find("metrics.jsonl, line 2"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(read_metrics(folder / "no run"), Error);
}

TEST(Metrics, AFullDiskIsReported) {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), {}, {.tensorboard = false});
  log.write(row(1, 1));
  const LimitedDisk disk(400);
  try {
    for (int i = 2; i < 100; ++i) log.write(row(i, 1));
    FAIL() << "the write must fail";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::kMachine);
    EXPECT_NE(std::string(error.what()).find("metrics."), std::string::npos);
  }
}

}  // namespace
}  // namespace warmstart
