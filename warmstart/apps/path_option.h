// Options that name a file or folder.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "warmstart/core/paths.h"

namespace warmstart {

/// Of `option`, whose text is one path or several: `~` is the home folder, also where a shell leaves it (`--out=~/x`).
inline CLI::Option* as_path(CLI::Option* option) {
  return option->type_name("PATH")->transform(CLI::Validator(
      [option](std::string& text) {
        text = expand_home(text, option->get_name());
        return std::string();
      },
      ""));
}

}  // namespace warmstart
