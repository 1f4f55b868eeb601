#include <algorithm>
#include <cmath>
#include <functional>

#include "warmstart/core/error.h"
#include "warmstart/io/onnx.h"

namespace warmstart {
namespace {

[[noreturn]] void refuse(const std::string& what, const OnnxNode& node) {
  throw data_error(what, "ONNX node " + (node.outputs.empty() ? node.op : node.op + " -> " + node.outputs[0]),
                   "use a file that `warmstart export` wrote");
}

// a vector or a scalar is one row
Matrix matrix_of(const OnnxTensor& t) {
  const auto rows = t.shape.size() == 2 ? t.shape[0] : 1, columns = t.shape.empty() ? 1 : t.shape.back();
  Matrix m(static_cast<int>(rows), static_cast<int>(columns));
  std::copy(t.values.begin(), t.values.end(), m.data());
  return m;
}

Matrix gemm(const OnnxNode& node, const Matrix& x, const Matrix& w, const Matrix& b) {
  if (x.cols() != w.rows() || b.cols() != w.cols()) refuse("shapes do not fit", node);
  Matrix y(x.rows(), w.cols());
  for (int r = 0; r < x.rows(); ++r)
    for (int j = 0; j < w.cols(); ++j) {
      float sum = b.row(0)[j];
      for (int i = 0; i < x.cols(); ++i) sum += x.row(r)[i] * w.row(i)[j];
      y.row(r)[j] = sum;
    }
  return y;
}

Matrix layer_norm(const OnnxNode& node, const Matrix& x, const Matrix& scale, const Matrix& shift) {
  const auto epsilon = node.reals.find("epsilon");
  if (scale.cols() != x.cols() || shift.cols() != x.cols() || epsilon == node.reals.end()) refuse("shapes do not fit", node);
  Matrix y(x.rows(), x.cols());
  const auto n = static_cast<float>(x.cols());
  for (int r = 0; r < x.rows(); ++r) {
    float mean = 0, square = 0;
    for (int j = 0; j < x.cols(); ++j) mean += x.row(r)[j] / n;
    for (int j = 0; j < x.cols(); ++j) square += (x.row(r)[j] - mean) * (x.row(r)[j] - mean) / n;
    const float by = 1 / std::sqrt(square + epsilon->second);
    for (int j = 0; j < x.cols(); ++j) y.row(r)[j] = (x.row(r)[j] - mean) * by * scale.row(0)[j] + shift.row(0)[j];
  }
  return y;
}

template <class F>
Matrix each(const Matrix& x, F&& f) {
  Matrix y(x.rows(), x.cols());
  std::transform(x.data(), x.data() + x.size(), y.data(), f);
  return y;
}

// one row, or one column, stands for all
template <class F>
Matrix pairs(const OnnxNode& node, const Matrix& a, const Matrix& b, F&& f) {
  const int rows = std::max(a.rows(), b.rows()), columns = std::max(a.cols(), b.cols());
  for (const Matrix* m : {&a, &b})
    if ((m->rows() != rows && m->rows() != 1) || (m->cols() != columns && m->cols() != 1)) refuse("shapes do not fit", node);
  Matrix y(rows, columns);
  const auto at = [](const Matrix& m, int r, int c) { return m.row(m.rows() == 1 ? 0 : r)[m.cols() == 1 ? 0 : c]; };
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) y.row(r)[c] = f(at(a, r, c), at(b, r, c));
  return y;
}

Matrix result(const OnnxNode& node, const std::vector<const Matrix*>& in) {
  const auto takes = [&](std::size_t count) {
    if (in.size() != count || node.outputs.size() != 1) refuse("another number of inputs or outputs", node);
  };
  if (node.op == "Gemm") return takes(3), gemm(node, *in[0], *in[1], *in[2]);
  if (node.op == "LayerNormalization") return takes(3), layer_norm(node, *in[0], *in[1], *in[2]);
  if (node.op == "Relu") return takes(1), each(*in[0], [](float x) { return std::max(x, 0.0f); });
  if (node.op == "Tanh") return takes(1), each(*in[0], [](float x) { return std::tanh(x); });
  if (node.op == "Exp") return takes(1), each(*in[0], [](float x) { return std::exp(x); });
  if (node.op == "Add") return takes(2), pairs(node, *in[0], *in[1], [](float a, float b) { return a + b; });
  if (node.op == "Sub") return takes(2), pairs(node, *in[0], *in[1], [](float a, float b) { return a - b; });
  if (node.op == "Mul") return takes(2), pairs(node, *in[0], *in[1], [](float a, float b) { return a * b; });
  if (node.op == "Div") return takes(2), pairs(node, *in[0], *in[1], [](float a, float b) { return a / b; });
  if (node.op == "Min") return takes(2), pairs(node, *in[0], *in[1], [](float a, float b) { return std::min(a, b); });
  if (node.op == "Max") return takes(2), pairs(node, *in[0], *in[1], [](float a, float b) { return std::max(a, b); });
  refuse("an operator that is not evaluated here", node);
}

}  // namespace

std::map<std::string, Matrix> evaluate_onnx(const OnnxModel& model, const std::map<std::string, Matrix>& inputs) {
  std::map<std::string, Matrix> values;
  for (const auto& t : model.constants) values.insert_or_assign(t.name, matrix_of(t));
  for (const auto& port : model.inputs) {
    const auto given = inputs.find(port.name);
    if (given == inputs.end() || given->second.cols() != port.columns)
      throw data_error("no input of this name and size is given", "ONNX input " + port.name, "see docs/export.md");
    values.insert_or_assign(port.name, given->second);
  }
  for (const auto& node : model.nodes) {
    std::vector<const Matrix*> in;
    for (const auto& name : node.inputs) {
      const auto at = values.find(name);
      if (at == values.end()) refuse("unknown input " + name, node);
      in.push_back(&at->second);
    }
    Matrix y = result(node, in);
    values.insert_or_assign(node.outputs[0], std::move(y));
  }
  std::map<std::string, Matrix> out;
  for (const auto& port : model.outputs) {
    const auto at = values.find(port.name);
    if (at == values.end() || at->second.cols() != port.columns)
      throw data_error("the graph does not compute this output", "ONNX output " + port.name, "make the file again");
    out.insert_or_assign(port.name, at->second);
  }
  return out;
}

}  // namespace warmstart
