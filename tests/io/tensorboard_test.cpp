// Records and checksums of event files; tests/apps/logs_test.py reads whole ones with TensorBoard.
#include "warmstart/io/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>

#include "../support.h"
#include "limited_disk.h"
#include "warmstart/io/metrics.h"
#include "warmstart/io/protobuf.h"

namespace warmstart {
namespace {

TEST(TensorBoard, Crc32cOfTheStandards) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);              // the catalogue's check value
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);    // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);  // RFC 3720, B.4
}

TEST(TensorBoard, ARecordByteForByte) {
  const std::string record = tensorboard_record({.wall_time = 1.5, .step = 300, .values = {{"a/b", 2.0}}});
  const std::string body(
      "\x09\x00\x00\x00\x00\x00\x00\xf8\x3f"  // 1: double 1.5
      "\x10\xac\x02"                          // 2: 300
      "\x2a\x0c"                              // 5: summary of 12 bytes
      "\x0a\x0a"                              // 1: value of 10 bytes
      "\x0a\x03"
      "a/b"                    // 1: tag
      "\x15\x00\x00\x00\x40",  // 2: float 2
      26);
  ASSERT_EQ(record.size(), 8 + 4 + body.size() + 4);
  EXPECT_EQ(record.substr(12, body.size()), body);
  std::uint64_t length;
  std::memcpy(&length, record.data(), sizeof length);
  EXPECT_EQ(length, body.size());
}

TEST(TensorBoard, AFullDiskIsTold) {
  const TemporaryFolder folder;
  // the event file is the longest of the three
  MetricsLog log(folder.path(), {}, {.csv = false});
  const LimitedDisk disk(2000);
  expect_error(Exit::kMachine, {kTensorBoardFile, "free disk space"}, [&] {
    for (int i = 0; i < 100; ++i) log.write({"finetune", i, "eval", {{"return_mean", 1}}});
  });
}

TEST(Protobuf, MalformedBytesAreRefused) {
  for (const std::string& bytes : {std::string("\x0a\x05", 2), std::string("\x0b", 1), std::string(11, '\xff'), std::string("\x0d\x01", 2)})
    expect_error(Exit::kData, {"model.onnx"}, [&] {
      ProtoReader in(bytes, "model.onnx");
      for (ProtoField f; in.next(f);) {
      }
    });
}

}  // namespace
}  // namespace warmstart
