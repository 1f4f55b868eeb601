#include "warmstart/envs/gl_context.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

// The part of EGL 1.5 (registry.khronos.org/EGL) that is used here; its headers would bring those of X11 along.
using Handle = void*;
using Int = int;
constexpr Int kNone = 0x3038, kRenderableType = 0x3040, kSurfaceType = 0x3033, kPbufferBit = 0x0001, kOpenglBit = 0x0008;
constexpr unsigned kOpenglApi = 0x30A2, kSurfacelessMesa = 0x31DD;

Error no_graphics(const std::string& what) {
  return machine_error("no pictures without OpenGL: " + what, "graphics library",
                       "install it: apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri; everything but pictures works without it");
}

}  // namespace

struct GlContext::Egl {
  Handle library, display = nullptr, context = nullptr;
  Handle (*get_platform_display)(unsigned, Handle, const Int*);
  Handle (*get_display)(Handle);
  unsigned (*initialize)(Handle, Int*, Int*);
  unsigned (*bind_api)(unsigned);
  unsigned (*choose_config)(Handle, const Int*, Handle*, Int, Int*);
  Handle (*create_context)(Handle, Handle, Handle, const Int*);
  unsigned (*make_current)(Handle, Handle, Handle, Handle);
  unsigned (*destroy_context)(Handle, Handle);
  unsigned (*terminate)(Handle);
  Int (*get_error)();

  Egl() {
    // global, because MuJoCo looks for eglGetProcAddress among all symbols; never closed, because it keeps what it found
    library = dlopen("libEGL.so.1", RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
    if (!library) throw no_graphics(dlerror());
    find(get_platform_display, "eglGetPlatformDisplay");
    find(get_display, "eglGetDisplay");
    find(initialize, "eglInitialize");
    find(bind_api, "eglBindAPI");
    find(choose_config, "eglChooseConfig");
    find(create_context, "eglCreateContext");
    find(make_current, "eglMakeCurrent");
    find(destroy_context, "eglDestroyContext");
    find(terminate, "eglTerminate");
    find(get_error, "eglGetError");
  }

  ~Egl() {
    if (context) make_current(display, nullptr, nullptr, nullptr), destroy_context(display, context);
    if (display) terminate(display);
  }

  template <typename Function>
  void find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (!function) throw no_graphics(fmt::format("libEGL.so.1 has no {}", name));
  }

  Error failed(const char* call) const { return no_graphics(fmt::format("{} failed with error {:#x}", call, get_error())); }
};

GlContext::GlContext() : egl_(std::make_unique<Egl>()) {
  Egl& egl = *egl_;
  // Mesa draws without any display; other drivers have a default one
  for (Handle display : {egl.get_platform_display(kSurfacelessMesa, nullptr, nullptr), egl.get_display(nullptr)}) {
    if (!display || !egl.initialize(display, nullptr, nullptr)) continue;
    egl.display = display;
    break;
  }
  if (!egl.display) throw egl.failed("eglInitialize");
  if (!egl.bind_api(kOpenglApi)) throw egl.failed("eglBindAPI");
  const Int wanted[] = {kSurfaceType, kPbufferBit, kRenderableType, kOpenglBit, kNone};
  Handle config = nullptr;
  Int count = 0;
  if (!egl.choose_config(egl.display, wanted, &config, 1, &count) || count < 1) throw egl.failed("eglChooseConfig");
  egl.context = egl.create_context(egl.display, config, nullptr, nullptr);
  if (!egl.context) throw egl.failed("eglCreateContext");
  if (!egl.make_current(egl.display, nullptr, nullptr, egl.context)) throw egl.failed("eglMakeCurrent");
}

GlContext::~GlContext() = default;

}  // namespace warmstart
