#include "warmstart/io/tensorboard.h"

#include <array>

#include "warmstart/io/protobuf.h"

namespace warmstart {
namespace {

// field numbers of tensorboard.Event, Summary and Summary.Value
enum Event { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5 };
enum Summary { kValue = 1 };
enum Value { kTag = 1, kSimpleValue = 2, kTensor = 8, kMetadata = 9 };
// ... of TensorProto, SummaryMetadata and its PluginData, HParamsPluginData, SessionStartInfo and google.protobuf.Value
enum Tensor { kDType = 1, kShape = 2, kStrings = 8 };
enum Metadata { kPluginData = 1, kDataClass = 4 };
enum PluginData { kPluginName = 1, kContent = 2 };
enum HParams { kSessionStart = 3 };
enum SessionStart { kSettings = 1, kStartTime = 5 };
enum MapEntry { kKey = 1, kEntry = 2 };
enum AnyValue { kNumber = 2, kString = 3, kBool = 4 };
constexpr int kFloats = 1, kTexts = 7;  // tensorflow.DataType
constexpr int kTensorClass = 2;         // tensorflow.DataClass

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

std::string event_of(double wall_time, const std::string& value) {
  return framed(ProtoWriter().real64(kWallTime, wall_time).bytes(kSummary, ProtoWriter().bytes(kValue, value).data()).data());
}

std::string metadata(const char* plugin, const std::string& content) {
  return ProtoWriter()
      .bytes(kPluginData, ProtoWriter().bytes(kPluginName, plugin).bytes(kContent, content).data())
      .integer(kDataClass, kTensorClass)
      .data();
}

std::string any_value(const std::variant<bool, double, std::string>& value) {
  ProtoWriter out;
  if (const auto* flag = std::get_if<bool>(&value)) out.integer(kBool, *flag);
  else if (const auto* number = std::get_if<double>(&value)) out.real64(kNumber, *number);
  else out.bytes(kString, std::get<std::string>(value));
  return out.data();
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

std::string tensorboard_text(double wall_time, const std::string& tag, const std::string& markdown) {
  const std::string tensor = ProtoWriter().integer(kDType, kTexts).bytes(kShape, "").bytes(kStrings, markdown).data();
  return event_of(wall_time, ProtoWriter().bytes(kTag, tag).bytes(kTensor, tensor).bytes(kMetadata, metadata("text", "")).data());
}

std::string tensorboard_hparams(double wall_time, const std::vector<HParam>& settings) {
  ProtoWriter session;
  for (const auto& [name, value] : settings)
    session.bytes(kSettings, ProtoWriter().bytes(kKey, name).bytes(kEntry, any_value(value)).data());
  session.real64(kStartTime, wall_time);
  // the message is the metadata; its tensor is empty: shape [0]
  const std::string empty = ProtoWriter().bytes(2, ProtoWriter().integer(1, 0).data()).data();
  const std::string tensor = ProtoWriter().integer(kDType, kFloats).bytes(kShape, empty).data();
  return event_of(wall_time, ProtoWriter()
                                 .bytes(kTag, "_hparams_/session_start_info")
                                 .bytes(kTensor, tensor)
                                 .bytes(kMetadata, metadata("hparams", ProtoWriter().bytes(kSessionStart, session.data()).data()))
                                 .data());
}

std::string tensorboard_record(const ScalarEvent& event) {
  ProtoWriter summary;
  for (const auto& [tag, value] : event.values)
    summary.bytes(kValue, ProtoWriter().bytes(kTag, tag).real(kSimpleValue, static_cast<float>(value)).data());
  return framed(ProtoWriter().real64(kWallTime, event.wall_time).integer(kStep, event.step).bytes(kSummary, summary.data()).data());
}

}  // namespace warmstart
