#include "warmstart/io/onnx.h"

#include <cstring>

#include "warmstart/core/error.h"
#include "warmstart/io/protobuf.h"

namespace warmstart {
namespace {

// field numbers of onnx.proto
namespace model_field {
enum { kIrVersion = 1, kProducer = 2, kGraph = 7, kOpset = 8, kMetadata = 14 };
}
namespace graph_field {
enum { kNode = 1, kName = 2, kConstant = 5, kInput = 11, kOutput = 12 };
}
namespace node_field {
enum { kInput = 1, kOutput = 2, kName = 3, kOp = 4, kAttribute = 5 };
}
namespace attribute_field {
enum { kName = 1, kReal = 2, kInteger = 3, kType = 20 };
}
namespace tensor_field {
enum { kDims = 1, kType = 2, kName = 8, kRaw = 9 };
}
constexpr std::int64_t kIrVersion = 8;  // of opset 17
constexpr std::int64_t kFloatTensor = 1, kRealAttribute = 1, kIntegerAttribute = 2;

std::string port(const OnnxPort& p) {
  const std::string batch = ProtoWriter().bytes(2, "B").data(), columns = ProtoWriter().integer(1, p.columns).data();
  const std::string shape = ProtoWriter().bytes(1, batch).bytes(1, columns).data();
  const std::string tensor = ProtoWriter().integer(1, kFloatTensor).bytes(2, shape).data();
  return ProtoWriter().bytes(1, p.name).bytes(2, ProtoWriter().bytes(1, tensor).data()).data();
}

std::string tensor(const OnnxTensor& t) {
  ProtoWriter out;
  for (const std::int64_t d : t.shape) out.integer(tensor_field::kDims, d);
  out.integer(tensor_field::kType, kFloatTensor).bytes(tensor_field::kName, t.name);
  out.bytes(tensor_field::kRaw, {reinterpret_cast<const char*>(t.values.data()), t.values.size() * sizeof(float)});
  return out.data();
}

std::string node(const OnnxNode& n) {
  ProtoWriter out;
  for (const auto& name : n.inputs) out.bytes(node_field::kInput, name);
  for (const auto& name : n.outputs) out.bytes(node_field::kOutput, name);
  out.bytes(node_field::kName, n.outputs.front()).bytes(node_field::kOp, n.op);
  for (const auto& [name, value] : n.integers)
    out.bytes(node_field::kAttribute, ProtoWriter()
                                          .bytes(attribute_field::kName, name)
                                          .integer(attribute_field::kInteger, value)
                                          .integer(attribute_field::kType, kIntegerAttribute)
                                          .data());
  for (const auto& [name, value] : n.reals)
    out.bytes(node_field::kAttribute, ProtoWriter()
                                          .bytes(attribute_field::kName, name)
                                          .real(attribute_field::kReal, value)
                                          .integer(attribute_field::kType, kRealAttribute)
                                          .data());
  return out.data();
}

// calls `each` for every field of the message `bytes`
template <class F>
void for_fields(std::string_view bytes, const std::string& where, F&& each) {
  ProtoReader in(bytes, where);
  for (ProtoField f; in.next(f);) each(f);
}

OnnxTensor read_tensor(std::string_view bytes, const std::string& where) {
  OnnxTensor t;
  std::int64_t count = 1;
  for_fields(bytes, where, [&](const ProtoField& f) {
    if (f.number == tensor_field::kDims) t.shape.push_back(f.integer), count *= f.integer;
    if (f.number == tensor_field::kName) t.name = f.bytes;
    if (f.number == tensor_field::kType && f.integer != kFloatTensor)
      throw data_error("a tensor of another type than float", where, "use a file that `warmstart export` wrote");
    if (f.number != tensor_field::kRaw) return;
    t.values.resize(f.bytes.size() / sizeof(float));
    std::memcpy(t.values.data(), f.bytes.data(), t.values.size() * sizeof(float));
  });
  if (count < 0 || t.values.size() != static_cast<std::size_t>(count))
    throw data_error("tensor " + t.name + " does not fill its shape", where, "make the file again");
  return t;
}

OnnxNode read_node(std::string_view bytes, const std::string& where) {
  OnnxNode n;
  for_fields(bytes, where, [&](const ProtoField& f) {
    if (f.number == node_field::kInput) n.inputs.emplace_back(f.bytes);
    if (f.number == node_field::kOutput) n.outputs.emplace_back(f.bytes);
    if (f.number == node_field::kOp) n.op = f.bytes;
    if (f.number != node_field::kAttribute) return;
    std::string name;
    std::int64_t integer = 0, type = 0;
    float real = 0;
    for_fields(f.bytes, where, [&](const ProtoField& a) {
      if (a.number == attribute_field::kName) name = a.bytes;
      if (a.number == attribute_field::kInteger) integer = a.integer;
      if (a.number == attribute_field::kReal) real = a.real();
      if (a.number == attribute_field::kType) type = a.integer;
    });
    if (type == kIntegerAttribute) n.integers[name] = integer;
    if (type == kRealAttribute) n.reals[name] = real;
  });
  return n;
}

OnnxPort read_port(std::string_view bytes, const std::string& where) {
  OnnxPort p;
  for_fields(bytes, where, [&](const ProtoField& f) {
    if (f.number == 1) p.name = f.bytes;
    if (f.number != 2) return;
    const auto within = [&](std::string_view message, int number, auto&& next) {
      for_fields(message, where, [&](const ProtoField& g) {
        if (g.number == number) next(g);
      });
    };
    // type, tensor type, shape, dimension, value: the last dimension that has one
    within(f.bytes, 1, [&](const ProtoField& type) {
      within(type.bytes, 2, [&](const ProtoField& shape) {
        within(shape.bytes, 1, [&](const ProtoField& d) { within(d.bytes, 1, [&](const ProtoField& v) { p.columns = v.integer; }); });
      });
    });
  });
  return p;
}

}  // namespace

std::string encode_onnx(const OnnxModel& model) {
  ProtoWriter graph;
  for (const auto& n : model.nodes) graph.bytes(graph_field::kNode, node(n));
  graph.bytes(graph_field::kName, model.name);
  for (const auto& t : model.constants) graph.bytes(graph_field::kConstant, tensor(t));
  for (const auto& p : model.inputs) graph.bytes(graph_field::kInput, port(p));
  for (const auto& p : model.outputs) graph.bytes(graph_field::kOutput, port(p));
  ProtoWriter out;
  out.integer(model_field::kIrVersion, kIrVersion).bytes(model_field::kProducer, "warmstart");
  out.bytes(model_field::kGraph, graph.data());
  out.bytes(model_field::kOpset, ProtoWriter().bytes(1, "").integer(2, kOnnxOpset).data());
  for (const auto& [key, value] : model.metadata) out.bytes(model_field::kMetadata, ProtoWriter().bytes(1, key).bytes(2, value).data());
  return out.data();
}

OnnxModel decode_onnx(std::string_view bytes, const std::string& where) {
  OnnxModel model;
  bool has_graph = false;
  for_fields(bytes, where, [&](const ProtoField& f) {
    if (f.number == model_field::kMetadata) {
      std::string key, value;
      for_fields(f.bytes, where, [&](const ProtoField& g) { (g.number == 1 ? key : value) = g.bytes; });
      model.metadata[key] = value;
    }
    if (f.number != model_field::kGraph) return;
    has_graph = true;
    for_fields(f.bytes, where, [&](const ProtoField& g) {
      if (g.number == graph_field::kNode) model.nodes.push_back(read_node(g.bytes, where));
      if (g.number == graph_field::kName) model.name = g.bytes;
      if (g.number == graph_field::kConstant) model.constants.push_back(read_tensor(g.bytes, where));
      if (g.number == graph_field::kInput) model.inputs.push_back(read_port(g.bytes, where));
      if (g.number == graph_field::kOutput) model.outputs.push_back(read_port(g.bytes, where));
    });
  });
  if (!has_graph) throw data_error("no ONNX graph in this file", where, "use a file that `warmstart export` wrote");
  return model;
}

}  // namespace warmstart
