#include "warmstart/nn/backend.h"

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {

std::unique_ptr<Backend> make_backend(const std::string& name, int threads, Precision precision) {
  if (name == "cpu") return make_cpu_backend(threads, precision);
  if (name == "reference") return make_reference_backend();
  throw usage_error("unknown backend \"" + name + "\"", "run.backend",
                    "did you mean \"" + nearest_name(name, {"cpu", "reference"}) + "\"?");
}

}  // namespace warmstart
