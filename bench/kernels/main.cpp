// The laboratory: kernels that were tried, each beside the one in use. README.md in this folder holds what came out.
#include <cstdio>

namespace lab {
void products();
void rows();
}  // namespace lab

int main() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("x86-64-v4")) {
    std::fprintf(stderr, "error: the candidates need AVX-512 (this CPU): run them on another machine\n");
    return 5;
  }
  lab::products();
  lab::rows();
}
