// ONNX models of small networks, without the protobuf library: written, read back, and evaluated for the operators used here.
// Every value is 32-bit float; rows are the batch.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "warmstart/core/matrix.h"

namespace warmstart {

struct OnnxTensor {
  std::string name;
  std::vector<std::int64_t> shape;  ///< [in,out], [n] or []
  std::vector<float> values;
};

/// One operator of the default domain.
struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, std::int64_t> integers = {};  ///< attributes
  std::map<std::string, float> reals = {};
};

/// An input or output [B,columns]; B is free.
struct OnnxPort {
  std::string name;
  std::int64_t columns = 0;
};

struct OnnxModel {
  std::string name;
  std::vector<OnnxNode> nodes;  ///< each after those whose outputs it takes
  std::vector<OnnxTensor> constants;
  std::vector<OnnxPort> inputs, outputs;
  std::map<std::string, std::string> metadata;
};

constexpr std::int64_t kOnnxOpset = 17;  ///< the first with LayerNormalization

/// The file's bytes.
std::string encode_onnx(const OnnxModel& model);
/// The reverse, of what encode_onnx writes. Throws Error(kData) naming `where` for anything else.
OnnxModel decode_onnx(std::string_view bytes, const std::string& where);

/// The outputs for inputs [B,columns], by plain loops: Gemm, LayerNormalization, Relu, Tanh, Exp, Add, Sub, Mul, Min, Max.
/// Throws Error(kData) for another operator, an unknown name, or shapes that do not fit.
std::map<std::string, Matrix> evaluate_onnx(const OnnxModel& model, const std::map<std::string, Matrix>& inputs);

}  // namespace warmstart
