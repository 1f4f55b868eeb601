// Dense row-major float arrays: owning `Matrix`, and views that never own.
#pragma once
#include <cassert>
#include <cstddef>
#include <span>
#include <vector>

namespace warmstart {

/// Memory on cache lines, so that vector kernels never split one; large blocks ask for huge pages, because a product walks
/// down columns and would miss the address cache at every row. Throws std::bad_alloc.
void* allocate_aligned(std::size_t bytes);
void free_aligned(void* p, std::size_t bytes) noexcept;

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(allocate_aligned(n * sizeof(T))); }
  void deallocate(T* p, std::size_t n) noexcept { free_aligned(p, n * sizeof(T)); }
  bool operator==(const AlignedAllocator&) const { return true; }
};

using FloatVector = std::vector<float, AlignedAllocator<float>>;
using Column = FloatVector;  ///< one value per row of a batch, [B]

/// Read-only [rows, cols], contiguous rows.
struct ConstMatrixView {
  const float* data = nullptr;
  int rows = 0, cols = 0;
  const float* row(int i) const { return data + static_cast<std::size_t>(i) * cols; }
  float operator()(int i, int j) const { return row(i)[j]; }
  std::size_t size() const { return static_cast<std::size_t>(rows) * cols; }
  ConstMatrixView slice(int first, int count) const {
    assert(first >= 0 && first + count <= rows);
    return {row(first), count, cols};
  }
};

/// Writable [rows, cols], contiguous rows.
struct MatrixView {
  float* data = nullptr;
  int rows = 0, cols = 0;
  float* row(int i) const { return data + static_cast<std::size_t>(i) * cols; }
  float& operator()(int i, int j) const { return row(i)[j]; }
  std::size_t size() const { return static_cast<std::size_t>(rows) * cols; }
  operator ConstMatrixView() const { return {data, rows, cols}; }
  MatrixView slice(int first, int count) const {
    assert(first >= 0 && first + count <= rows);
    return {row(first), count, cols};
  }
};

/// Owning [rows, cols]. `resize` keeps the allocation when it is large enough.
class Matrix {
 public:
  Matrix() = default;
  Matrix(int rows, int cols) { resize(rows, cols); }
  void resize(int rows, int cols) {
    rows_ = rows, cols_ = cols;
    values_.resize(static_cast<std::size_t>(rows) * cols);
  }
  int rows() const { return rows_; }
  int cols() const { return cols_; }
  float* data() { return values_.data(); }
  const float* data() const { return values_.data(); }
  float* row(int i) { return values_.data() + static_cast<std::size_t>(i) * cols_; }
  const float* row(int i) const { return values_.data() + static_cast<std::size_t>(i) * cols_; }
  float& operator()(int i, int j) { return row(i)[j]; }
  float operator()(int i, int j) const { return row(i)[j]; }
  std::size_t size() const { return values_.size(); }
  MatrixView view() { return {values_.data(), rows_, cols_}; }
  ConstMatrixView view() const { return {values_.data(), rows_, cols_}; }
  operator MatrixView() { return view(); }
  operator ConstMatrixView() const { return view(); }

 private:
  int rows_ = 0, cols_ = 0;
  FloatVector values_;
};

}  // namespace warmstart
