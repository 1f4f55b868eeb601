#include "warmstart/io/safetensors.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <numeric>

#include "../support.h"
#include "limited_disk.h"
#include "warmstart/core/error.h"
#include "warmstart/core/files.h"

namespace warmstart {
namespace {

template <class T>
Tensor tensor(DType dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  Tensor t{dtype, std::move(shape), std::vector<std::uint8_t>(values.size() * sizeof(T))};
  if (!values.empty()) std::memcpy(t.bytes.data(), values.data(), t.bytes.size());
  return t;
}

// the same content as expected() in safetensors_check.py
SafeTensors sample() {
  std::vector<float> w(6);
  for (int i = 0; i < 6; ++i) w[static_cast<std::size_t>(i)] = static_cast<float>(i) / 7;
  SafeTensors file;
  file.tensors["actor.w"] = Tensor::from(w, {2, 3});
  file.tensors["empty"] = Tensor::from({}, {0, 4});
  file.tensors["moments"] = tensor<double>(DType::kF64, {2}, {1e-300, -2.5});
  file.tensors["index"] = tensor<std::int32_t>(DType::kI32, {3}, {-1, INT32_MAX, INT32_MIN});
  file.tensors["count"] = tensor<std::int64_t>(DType::kI64, {}, {(std::int64_t{1} << 40) + 1});
  file.tensors["random"] = Tensor::from_bytes(std::vector<std::uint8_t>{0, 255, 127});
  file.metadata["config"] = "agent = \"sac\"\nname = \"\u00e9\u2028\"\n";
  file.metadata["format"] = "warmstart-1";
  return file;
}

void expect_equal(const SafeTensors& a, const SafeTensors& b) {
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, t] : a.tensors) {
    const Tensor& u = b.at(name, "here");
    EXPECT_EQ(t.dtype, u.dtype) << name;
    EXPECT_EQ(t.shape, u.shape) << name;
    EXPECT_EQ(t.bytes, u.bytes) << name;
  }
}

// the message of the data error that reading `bytes` must raise
std::string refusal(const fs::path& path, std::span<const std::uint8_t> bytes) {
  spill(path, std::string(bytes.begin(), bytes.end()));  // thousands of times: no fsync
  try {
    read_safetensors(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::kData);
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos);
    return error.what();
  }
  return "";
}

// a file with this header text before 24 data bytes
std::string refusal_of_header(const fs::path& path, const std::string& header) {
  const std::uint64_t size = header.size();
  std::vector<std::uint8_t> raw(sizeof size + size + 24);
  std::memcpy(raw.data(), &size, sizeof size);
  std::memcpy(raw.data() + sizeof size, header.data(), size);
  return refusal(path, raw);
}

int run_python(const std::string& verb, const fs::path& path) {
  return std::system((std::string(WARMSTART_PYTHON) + " " + SAFETENSORS_CHECK + " " + verb + " " + path.string()).c_str());
}

TEST(Safetensors, RoundTrip) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a.safetensors", sample());
  expect_equal(sample(), read_safetensors(folder / "a.safetensors"));
  write_safetensors(folder / "none.safetensors", {});
  expect_equal({}, read_safetensors(folder / "none.safetensors"));
}

TEST(Safetensors, EveryTensorIsAligned) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a.safetensors", sample());
  const auto raw = read_bytes(folder / "a.safetensors");
  std::uint64_t header = 0;
  std::memcpy(&header, raw.data(), sizeof header);
  EXPECT_EQ(header % 8, 0u);
  // eight-byte items come first
  std::int64_t count = 0;
  std::memcpy(&count, raw.data() + 8 + header, sizeof count);
  EXPECT_EQ(count, (std::int64_t{1} << 40) + 1);
}

TEST(Safetensors, PythonReadsOurs) {
  const TemporaryFolder folder;
  write_safetensors(folder / "ours.safetensors", sample());
  EXPECT_EQ(run_python("read", folder / "ours.safetensors"), 0);
}

TEST(Safetensors, WeReadPythons) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_python("write", folder / "theirs.safetensors"), 0);
  expect_equal(sample(), read_safetensors(folder / "theirs.safetensors"));
}

TEST(Safetensors, AFlippedBitInAnyByteIsNoticed) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.safetensors";
  write_safetensors(path, sample());
  auto raw = read_bytes(path);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto flip = static_cast<std::uint8_t>(1 << i % 8);
    raw[i] ^= flip;
    EXPECT_NE(refusal(path, raw), "") << "byte " << i << " of " << raw.size();
    raw[i] ^= flip;
  }
}

TEST(Safetensors, AFlippedDataByteNamesItsTensor) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.safetensors";
  write_safetensors(path, sample());
  auto raw = read_bytes(path);
  raw[raw.size() - 1] ^= 1;  // bytes come last
  EXPECT_NE(refusal(path, raw).find("checksum of tensor \"random\" differs"), std::string::npos);
}

TEST(Safetensors, EveryTruncationIsNoticed) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.safetensors";
  write_safetensors(path, sample());
  const auto raw = read_bytes(path);
  for (std::size_t n = 0; n < raw.size(); ++n) EXPECT_NE(refusal(path, std::span(raw).first(n)), "") << n;
  auto longer = raw;
  longer.push_back(0);
  EXPECT_NE(refusal(path, longer).find("belong to none"), std::string::npos);
  EXPECT_THROW(read_safetensors(folder / "missing.safetensors"), Error);
}

TEST(Safetensors, RefusesMalformedHeaders) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.safetensors";
  const auto expect = [&](const std::string& header, const std::string& message) {
    const std::string got = refusal_of_header(path, header);
    EXPECT_NE(got.find(message), std::string::npos) << header << "\n" << got;
  };
  EXPECT_EQ(refusal_of_header(path, R"({"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}})"), "");  // the base case is fine
  expect("{", "malformed");
  expect("[]", "not an object");
  expect("\xff{}", "malformed");
  expect(R"({"a":3})", "dtype, shape and data_offsets");
  expect(R"({"a":{"dtype":"F32","shape":[6]}})", "dtype, shape and data_offsets");
  expect(R"({"a":{"dtype":"BF16","shape":[12],"data_offsets":[0,24]}})", "convert it");
  expect(R"({"a":{"dtype":"F32","shape":[-6],"data_offsets":[0,24]}})", "natural number");
  expect(R"({"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24.0]}})", "natural number");
  expect(R"({"a":{"dtype":"F32","shape":"6","data_offsets":[0,24]}})", "malformed");
  expect(R"({"a":{"dtype":"F32","shape":[5],"data_offsets":[0,24]}})", "do not fit");
  expect(R"({"a":{"dtype":"F32","shape":[6],"data_offsets":[24,0]}})", "do not fit");
  expect(R"({"a":{"dtype":"F32","shape":[4611686018427387904,6],"data_offsets":[0,24]}})", "do not fit");
  expect(R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,24]}})", "too large");
  expect(R"({"a":{"dtype":"F32","shape":[7],"data_offsets":[0,28]}})", "truncated");
  expect(R"({"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]},"b":{"dtype":"U8","shape":[4],"data_offsets":[20,24]}})", "overlaps");
  expect(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}})", "hole");
  expect(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "belong to none");
  expect(R"({"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]},"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}})", "twice");
  expect(R"({"__metadata__":3,"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}})", "metadata");
  expect(R"({"__metadata__":{"x":1},"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}})", "not text");
}

TEST(Safetensors, AbsentNameSuggestsTheNearest) {
  try {
    sample().at("actor.v", "x.safetensors");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("actor.w"), std::string::npos);
  }
}

TEST(Safetensors, FullDiskLeavesTheOldFile) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.safetensors";
  write_safetensors(path, sample());
  SafeTensors large = sample();
  large.tensors["large"] = Tensor::from_bytes(std::vector<std::uint8_t>(1 << 20));
  {
    const LimitedDisk disk(64 << 10);
    try {
      write_safetensors(path, large);
      FAIL() << "the write must fail";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::kMachine);
    }
  }
  expect_equal(sample(), read_safetensors(path));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);  // no temporary file is left
}

}  // namespace
}  // namespace warmstart
