// An OpenGL context without a screen: Mesa's EGL, loaded when the first picture is drawn, so that training needs no graphics library.
#pragma once
#include <memory>

namespace warmstart {

/// Current on the calling thread while it lives; one at a time in a process.
class GlContext {
 public:
  /// Throws Error(kMachine) naming the missing Debian packages.
  GlContext();
  ~GlContext();
  GlContext(const GlContext&) = delete;

 private:
  struct Egl;
  std::unique_ptr<Egl> egl_;
};

}  // namespace warmstart
