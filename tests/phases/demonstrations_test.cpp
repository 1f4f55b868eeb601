// Experts from files, and data collected by demonstration.
#include <gtest/gtest.h>

#include <cmath>

#include "../support.h"
#include "warmstart/core/files.h"
#include "warmstart/phases/demonstrations.h"
#include "warmstart/phases/expert.h"

namespace warmstart {
namespace {
}  // namespace
}  // namespace warmstart
