#include <algorithm>

#define ISA_NAME "x86-64"
#define ISA_SPACE base
#include "warmstart/nn/cpu/kernels.inc"
