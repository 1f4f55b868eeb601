// The D4RL reader and writer against h5py, and every way a file can be bad.
#include "warmstart/io/d4rl.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "fixtures.h"
#include "warmstart/core/files.h"
#include "warmstart/io/crash_guard.h"

namespace warmstart {
namespace {

void expect_same(const D4rlFile& a, const D4rlFile& b) {
  ASSERT_EQ(a.observations.rows(), b.observations.rows());
  ASSERT_EQ(a.observations.cols(), b.observations.cols());
  ASSERT_EQ(a.actions.cols(), b.actions.cols());
  for (std::size_t i = 0; i < a.observations.size(); ++i) EXPECT_EQ(a.observations.data()[i], b.observations.data()[i]);
  for (std::size_t i = 0; i < a.actions.size(); ++i) EXPECT_EQ(a.actions.data()[i], b.actions.data()[i]);
  EXPECT_EQ(a.rewards, b.rewards);
  EXPECT_EQ(a.terminals, b.terminals);
  EXPECT_EQ(a.timeouts, b.timeouts);
  EXPECT_EQ(a.infos.at("qpos").cols, b.infos.at("qpos").cols);
  EXPECT_EQ(a.infos.at("qpos").values, b.infos.at("qpos").values);
  EXPECT_EQ(a.metadata.at("algorithm"), b.metadata.at("algorithm"));
}

TEST(D4rl, ReadsWhatH5pyWrote) {
  const D4rlFile file = read_d4rl(golden("h5py_plain.hdf5"));
  expect_same(file, six_steps());
  EXPECT_EQ(file.metadata.at("iteration"), "7");
  EXPECT_EQ(file.next_observations.rows(), 0);
}

TEST(D4rl, ReadsFloatAndIntegerFlagsAndColumns) {
  const D4rlFile file = read_d4rl(golden("h5py_columns.hdf5"));
  expect_same(file, six_steps());
  EXPECT_EQ(file.infos.at("success").values, (std::vector<double>{0, 0, 1, 0, 0, 0}));
}

TEST(D4rl, ReadsNextObservations) {
  const D4rlFile file = read_d4rl(golden("h5py_next.hdf5"));
  ASSERT_EQ(file.next_observations.rows(), 6);
  EXPECT_EQ(file.next_observations(5, 2), 17.0f / 8 + 100);
}

TEST(D4rl, ReadsTheFormatSamples) {
  const D4rlFile cheetah = read_d4rl(golden("halfcheetah_tiny-v2_d4rl.hdf5"));
  EXPECT_EQ(cheetah.observations.rows(), 24);
  EXPECT_EQ(cheetah.observations.cols(), 17);
  EXPECT_EQ(cheetah.timeouts[11] + cheetah.timeouts[23], 2);
  EXPECT_EQ(cheetah.metadata.at("algorithm"), "SAC");
  const D4rlFile ant = read_d4rl(golden("antmaze_tiny-v2_d4rl.hdf5"));
  EXPECT_EQ(ant.observations.cols(), 29);
  EXPECT_EQ(ant.infos.at("qpos").cols, 15);
  EXPECT_EQ(ant.infos.at("goal").cols, 2);
}

TEST(D4rl, WritesWhatItReads) {
  const TemporaryFolder scratch;
  write_d4rl(scratch / "a.hdf5", six_steps());
  const D4rlFile back = read_d4rl(scratch / "a.hdf5");
  expect_same(back, six_steps());
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), {}), 1) << "a temporary file was left behind";
}

TEST(D4rl, WritesEmptyTextAndNoSteps) {
  const TemporaryFolder scratch;
  D4rlFile file;
  file.observations.resize(0, 3);
  file.actions.resize(0, 2);
  file.metadata["note"] = "";
  write_d4rl(scratch / "a.hdf5", file);
  const D4rlFile back = read_d4rl(scratch / "a.hdf5");
  EXPECT_EQ(back.observations.rows(), 0);
  EXPECT_EQ(back.observations.cols(), 3);
  EXPECT_EQ(back.metadata.at("note"), "");
}

TEST(D4rl, H5pyReadsWhatWeWrite) {
  const std::string python = WARMSTART_VENV "/bin/python";
  if (std::system((python + " -c 'import h5py' 2>/dev/null").c_str()) != 0) GTEST_SKIP() << "no h5py in " WARMSTART_VENV;
  const TemporaryFolder scratch;
  const auto path = scratch / "ours.hdf5";
  write_d4rl(path, six_steps());
  const std::string script = python + " " WARMSTART_TEST_DIR "/h5py_check.py check " + path.string();
  EXPECT_EQ(std::system(script.c_str()), 0);

  D4rlFile wrong = six_steps();  // the oracle must be able to say no
  wrong.actions(3, 1) += 1;
  write_d4rl(path, wrong);
  EXPECT_NE(std::system((script + " 2>/dev/null").c_str()), 0);
}

TEST(D4rl, SaysWhatIsWrongWithAFile) {
  const auto reads = [](const std::string& name, const std::vector<std::string>& parts) {
    SCOPED_TRACE(name);
    std::vector<std::string> all = parts;
    all.push_back(name);
    expect_error(Exit::kData, all, [&] { read_d4rl(golden(name)); });
  };
  reads("absent.hdf5", {"does not exist"});
  reads("mc_return.json", {"not a readable HDF5 file"});
  reads("bad_missing.hdf5", {"'rewards' is missing", "nearest name is 'rewarded'", "observations"});
  reads("bad_lengths.hdf5", {"'actions' has 5 rows", "6"});
  reads("bad_info_length.hdf5", {"'infos/qpos' has 4 rows", "6"});
  reads("bad_rank.hdf5", {"'observations' has shape (6, 3, 1)"});
  reads("bad_rewards_rank.hdf5", {"'rewards' has shape (6, 2)"});
  reads("bad_flags.hdf5", {"'terminals' holds 2 in row 0"});
  reads("bad_compound.hdf5", {"'rewards' holds compound data"});
  reads("bad_strings.hdf5", {"'rewards' holds string data"});
  reads("bad_minari.hdf5", {"'observations' is missing", "Minari"});
  expect_error(Exit::kData, {"folder"}, [] { read_d4rl(WARMSTART_GOLDEN); });
}

TEST(D4rl, FindsTruncation) {
  const TemporaryFolder scratch;
  const auto bytes = read_bytes(golden("h5py_plain.hdf5"));
  const auto path = scratch / "cut.hdf5";
  for (std::size_t size = 0; size < bytes.size(); size += 97) {
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(size));
    expect_error(Exit::kData, {"cut.hdf5"}, [&] { read_d4rl(path); });
  }
}

TEST(D4rl, FindsDamagedArrays) {
  const TemporaryFolder scratch;
  const auto bytes = read_bytes(golden("h5py_plain.hdf5"));
  const auto path = scratch / "flipped.hdf5";
  int arrays = 0;
  for (std::size_t at = 0; at + 20 < bytes.size(); ++at) {
    if (bytes[at] != 0x78 || bytes[at + 1] != 0x5e) continue;  // how a zlib stream of level 4 begins
    auto flipped = bytes;
    flipped[at + 6] ^= 0x10;
    write_atomically(path, flipped);
    expect_error(Exit::kData, {"cannot read key", "flipped.hdf5"}, [&] { read_d4rl(path); });
    ++arrays;
  }
  EXPECT_EQ(arrays, 7) << "observations, actions, rewards, terminals, timeouts, infos/qpos, metadata/iteration";
}

// Some damaged headers make the HDF5 library itself crash, others keep it busy for ever; whatever happens, the process ends with 0 or with
// our message.
TEST(D4rl, NoFlippedByteCrashes) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer holds signals back, so that a loop inside the library is never ended";
#endif
  const TemporaryFolder scratch;
  const auto bytes = read_bytes(golden("h5py_plain.hdf5"));
  const auto path = scratch / "flipped.hdf5", said = scratch / "said.txt";
  for (std::size_t at = 0; at < bytes.size(); at += 11) {
    auto flipped = bytes;
    flipped[at] ^= 0xff;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(flipped.data()), static_cast<std::streamsize>(flipped.size()));
    const pid_t child = ::fork();
    if (child == 0) {
      if (!std::freopen(said.c_str(), "w", stderr)) ::_exit(1);
      try {
        read_d4rl(path);
      } catch (const Error& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        std::fflush(stderr);
        ::_exit(static_cast<int>(error.code()));
      }
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "byte " << at << ": signal " << WTERMSIG(status);
#ifdef __SANITIZE_ADDRESS__
    // the library reads past its own buffers on some damaged files; without a sanitizer the guard catches what comes of it
    if (WEXITSTATUS(status) == 1 && read_text(said).find("libhdf5") != std::string::npos) continue;
#endif
    ASSERT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3) << "byte " << at << ": exit code " << WEXITSTATUS(status);
    if (WEXITSTATUS(status) == 0) continue;
    ASSERT_NE(read_text(said).find("flipped.hdf5"), std::string::npos) << "byte " << at << ": " << read_text(said);
  }
}

TEST(D4rl, ACrashInsideHdf5BecomesAMessage) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer holds signals back, so that a loop inside the library is never ended";
#endif
  const auto crash = [](int signal) {
    const CrashGuard guard("dataset file makes the HDF5 library fail (a.hdf5): it is damaged", 0.5);
    if (signal) std::raise(signal);
    for (volatile int busy = 0;;) busy = busy + 1;
  };
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, 0})  // 0: never comes back
    EXPECT_EXIT(crash(signal), ::testing::ExitedWithCode(3), "error: dataset file makes the HDF5 library fail .a.hdf5.: it is damaged");
}

TEST(D4rl, FullDiskLeavesTheOldFile) {
  const TemporaryFolder scratch;
  const auto path = scratch / "a.hdf5";
  write_d4rl(path, six_steps());
  const auto before = read_bytes(path);

  // a limit on file size stands for a full disk; without ignoring the signal it would kill us
  struct rlimit old;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {1000, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_error(Exit::kMachine, {"a.hdf5"}, [&] { write_d4rl(path, six_steps()); });
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ(read_bytes(path), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), {}), 1) << "a temporary file was left behind";
  expect_error(Exit::kMachine, {"nowhere"}, [&] { write_d4rl(scratch / "nowhere" / "a.hdf5", six_steps()); });
}

TEST(D4rl, RefusesToWriteArraysThatDisagree) {
  const TemporaryFolder scratch;
  D4rlFile file = six_steps();
  file.rewards.pop_back();
  expect_error(Exit::kData, {"'rewards' has 5 rows"}, [&] { write_d4rl(scratch / "a.hdf5", file); });
  EXPECT_FALSE(fs::exists(scratch / "a.hdf5"));
}

}  // namespace
}  // namespace warmstart
