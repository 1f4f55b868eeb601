#include "warmstart/phases/file_header.h"

#include <sstream>

#include "warmstart/core/error.h"

namespace warmstart {

ActionBounds bounds_of(const std::map<std::string, std::string>& metadata) {
  const auto list = [&](const char* key) {
    const auto at = metadata.find(key);
    std::istringstream words(at == metadata.end() ? "" : at->second);
    std::vector<double> values;
    for (double x; words >> x;) values.push_back(x);
    return values;
  };
  return {list(kActionLow), list(kActionHigh)};
}

void check_header(const SafeTensors& file, const std::string& where, const std::string& env) {
  const auto text = [&](const char* key) {
    const auto at = file.metadata.find(key);
    return at == file.metadata.end() ? std::string() : at->second;
  };
  if (text("format") != "warmstart")
    throw data_error("not a Warmstart checkpoint", where, "give a pretrained.safetensors or final.safetensors that `warmstart` wrote");
  if (text("version") != kFormatVersion)
    throw data_error("checkpoint of format version " + text("version"), where,
                     std::string("this build reads version ") + kFormatVersion + "; use the build that wrote it");
  if (!env.empty() && text("env") != env)
    throw data_error("checkpoint of another task, " + text("env"), where,
                     "the recipe's env.id is " + env + "; use a recipe of that task or another checkpoint");
}

}  // namespace warmstart
