#include <algorithm>

#define ISA_NAME "x86-64"
#define ISA_SPACE base
#define ISA_WIDTH 4
#include "warmstart/nn/cpu/kernels.inc"
