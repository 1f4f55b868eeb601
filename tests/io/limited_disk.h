// Stands in for a full disk: writes beyond `bytes` of any file fail with EFBIG while it lives.
#pragma once
#include <sys/resource.h>

#include <csignal>

namespace warmstart {

class LimitedDisk {
 public:
  explicit LimitedDisk(rlim_t bytes) {
    before_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit small{bytes, limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~LimitedDisk() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    std::signal(SIGXFSZ, before_);
  }
  LimitedDisk(const LimitedDisk&) = delete;

 private:
  rlimit limit_{};
  void (*before_)(int) = nullptr;
};

}  // namespace warmstart
