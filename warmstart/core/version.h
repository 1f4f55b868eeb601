// The version of these headers, for programs that must build against several; it is the only place that names the number.
// Semantic versioning: before 1.0, a new minor number may change interfaces.
#pragma once

#if __cplusplus < 202002L
#error "Warmstart's headers need C++20: compile with -std=c++20 (CMake: target_compile_features(mine PRIVATE cxx_std_20))"
#endif

#define WARMSTART_VERSION_MAJOR 0
#define WARMSTART_VERSION_MINOR 1
#define WARMSTART_VERSION_PATCH 0

/// "MAJOR.MINOR.PATCH"
#define WARMSTART_VERSION WARMSTART_VERSION_TEXT_(WARMSTART_VERSION_MAJOR, WARMSTART_VERSION_MINOR, WARMSTART_VERSION_PATCH)
#define WARMSTART_VERSION_TEXT_(major, minor, patch) WARMSTART_VERSION_WORDS_(major, minor, patch)
#define WARMSTART_VERSION_WORDS_(major, minor, patch) #major "." #minor "." #patch

/// True when these headers are of this version or a later one: `#if WARMSTART_VERSION_AT_LEAST(0, 2, 0)`.
#define WARMSTART_VERSION_AT_LEAST(major, minor, patch) \
  (WARMSTART_VERSION_MAJOR > (major) ||                 \
   (WARMSTART_VERSION_MAJOR == (major) &&               \
    (WARMSTART_VERSION_MINOR > (minor) || (WARMSTART_VERSION_MINOR == (minor) && WARMSTART_VERSION_PATCH >= (patch)))))
