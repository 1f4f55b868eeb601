#include "warmstart/io/tensorboard.h"

#include <array>

#include "warmstart/io/protobuf.h"

namespace warmstart {
namespace {

// field numbers of tensorboard.Event, Summary and Summary.Value
enum Event { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5 };
enum Summary { kValue = 1 };
enum Value { kTag = 1, kSimpleValue = 2 };

constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78u : 0);
  }
  return table;
}();

template <class T>
std::string raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string framed(const std::string& data) {
  const std::string length = raw(static_cast<std::uint64_t>(data.size()));
  return length + raw(masked_crc32c(length)) + data + raw(masked_crc32c(data));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = kCrcTable[(crc ^ static_cast<std::uint8_t>(c)) & 0xff] ^ crc >> 8;
  return ~crc;
}

std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

std::string tensorboard_header(double wall_time) {
  return framed(ProtoWriter().real64(kWallTime, wall_time).bytes(kFileVersion, "brain.Event:2").data());
}

std::string tensorboard_record(const ScalarEvent& event) {
  ProtoWriter summary;
  for (const auto& [tag, value] : event.values)
    summary.bytes(kValue, ProtoWriter().bytes(kTag, tag).real(kSimpleValue, static_cast<float>(value)).data());
  return framed(ProtoWriter().real64(kWallTime, event.wall_time).integer(kStep, event.step).bytes(kSummary, summary.data()).data());
}

}  // namespace warmstart
