#include "warmstart/core/matrix.h"

#include <sys/mman.h>

#include <new>

namespace warmstart {
namespace {

constexpr std::size_t kCacheLine = 64, kHugePage = std::size_t{2} << 20;

bool wants_huge_pages(std::size_t bytes) { return bytes >= kHugePage / 2; }
std::align_val_t alignment(std::size_t bytes) { return std::align_val_t{wants_huge_pages(bytes) ? kHugePage : kCacheLine}; }

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  if (!wants_huge_pages(bytes)) return ::operator new(bytes, alignment(bytes));
  const std::size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* p = ::operator new(whole, alignment(bytes));
  ::madvise(p, whole, MADV_HUGEPAGE);  // a wish; without it all works as well
  return p;
}

void free_aligned(void* p, std::size_t bytes) noexcept { ::operator delete(p, alignment(bytes)); }

}  // namespace warmstart
