// Atomic writing, above all when it fails.
#include "warmstart/core/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "warmstart_files_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { fs::remove_all(folder); }
  std::vector<std::string> listing() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  fs::path folder;
};

TEST_F(Files, ReplacesWholeFiles) {
  const fs::path path = folder / "a.txt";
  write_atomically(path, std::string("a long first text"));
  EXPECT_EQ(read_text(path), "a long first text");
  write_atomically(path, std::string("short"));
  EXPECT_EQ(read_text(path), "short");
  write_atomically(path, std::string());
  EXPECT_EQ(read_text(path), "");
  std::vector<std::uint8_t> bytes(1 << 20);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  write_atomically(path, bytes);
  EXPECT_EQ(read_bytes(path), bytes);
  EXPECT_EQ(listing(), std::vector<std::string>{"a.txt"});
}

// A limit on file size stands in for a full disk: write() takes a part, then fails.
TEST_F(Files, FullDiskKeepsTheOldFileAndLeavesNoTemporary) {
  const fs::path path = folder / "checkpoint";
  write_atomically(path, std::string("the old checkpoint"));
  const pid_t child = ::fork();  // the limit would hit the test program itself
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(10);
    try {
      write_atomically(path, std::string(100000, 'x'));
    } catch (const Error& e) {
      const std::string what = e.what();
      ::_exit(e.code() == Exit::kMachine && what.find(path.string()) != std::string::npos &&
                      what.find("File too large") != std::string::npos
                  ? 0
                  : 11);
    }
    ::_exit(12);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "10: no limit, 11: wrong error, 12: no error";
  EXPECT_EQ(read_text(path), "the old checkpoint");
  EXPECT_EQ(listing(), std::vector<std::string>{"checkpoint"});
}

TEST_F(Files, NamesWhatCannotBeWritten) {
  try {
    write_atomically(folder / "missing" / "file", std::string("x"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::kMachine);
    EXPECT_NE(std::string(e.what()).find("missing/file"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("No such file or directory"), std::string::npos) << e.what();
  }
  fs::create_directory(folder / "taken");  // rename onto a folder fails after the temporary was written
  EXPECT_THROW(write_atomically(folder / "taken", std::string("x")), Error);
  EXPECT_EQ(listing(), std::vector<std::string>{"taken"});
}

TEST_F(Files, ReadingWhatIsNotThere) {
  for (const fs::path& path : {folder / "nothing", folder}) {
    try {
      read_bytes(path);
      FAIL() << path;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Exit::kData);
      EXPECT_NE(std::string(e.what()).find(path.string()), std::string::npos) << e.what();
    }
  }
}

TEST_F(Files, WhatAKilledProcessLeftCanBeRemoved) {
  for (const char* name : {"a", "a.tmp12", "a.tmp7", "a.tmp", "a.tmp1b", "b.tmp12"}) write_atomically(folder / name, std::string("x"));
  remove_unfinished(folder / "a");
  EXPECT_EQ(listing(), (std::vector<std::string>{"a", "a.tmp", "a.tmp1b", "b.tmp12"}));
  remove_unfinished(folder / "nowhere/a");
}

TEST_F(Files, MakesFolders) {
  make_folder(folder / "a" / "b" / "c");
  EXPECT_TRUE(fs::is_directory(folder / "a" / "b" / "c"));
  make_folder(folder / "a" / "b");  // already there
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(make_folder(folder / "file"), Error);
  EXPECT_THROW(make_folder(folder / "file" / "below"), Error);
}

TEST_F(Files, AScratchFolderGoesWithAllThatIsInIt) {
  fs::path where;
  {
    const ScratchFolder scratch("test");
    where = scratch.path();
    make_folder(where / "a" / "b");
    std::ofstream(where / "a" / "file") << "x";
    EXPECT_NE(ScratchFolder("test").path(), where);
  }
  EXPECT_FALSE(fs::exists(where));
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  ::setenv("TMPDIR", folder.c_str(), 1);
  EXPECT_EQ(ScratchFolder("test").path().parent_path(), folder);
  before ? ::setenv("TMPDIR", kept.c_str(), 1) : ::unsetenv("TMPDIR");
}

TEST_F(Files, ALockIsOneProcessAtATime) {
  const fs::path path = folder / ".lock";
  std::optional<ExclusiveLock> mine(std::in_place, path, "remedy");
  ASSERT_TRUE(mine->try_lock());
  ExclusiveLock second(path, "remedy");
  EXPECT_FALSE(second.try_lock());
  ExclusiveLock moved = std::move(*mine);
  mine.reset();  // gave it away, and so does not end it
  EXPECT_FALSE(second.try_lock());
  moved = ExclusiveLock();
  EXPECT_TRUE(second.try_lock());
  try {
    ExclusiveLock nowhere(folder / "none" / ".lock", "make the folder");
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::kMachine);
    EXPECT_NE(std::string(e.what()).find("make the folder"), std::string::npos) << e.what();
  }
}

TEST(Checksum, SeesEveryFlippedBit) {
  std::vector<std::uint8_t> bytes(100, 5);
  const auto whole = checksum(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] ^= static_cast<std::uint8_t>(1 << bit);
      EXPECT_NE(checksum(bytes), whole);
      bytes[i] ^= static_cast<std::uint8_t>(1 << bit);
    }
  }
  EXPECT_EQ(hex(checksum("")), "2d06800538d394c2");  // XXH3 of nothing, as its specification gives it
  EXPECT_EQ(hex(255), "00000000000000ff");
}

}  // namespace
}  // namespace warmstart
