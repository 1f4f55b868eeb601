// Errors that a user can act on: what happened, where (file, key, value), and the remedy.
#pragma once
#include <stdexcept>
#include <string>

namespace warmstart {

/// Process exit codes; scripts rely on the numbers.
enum class Exit : int {
  kDone = 0,
  kUsage = 2,     ///< wrong command line or recipe
  kData = 3,      ///< bad dataset or checkpoint
  kDiverged = 4,  ///< NaN or infinity in a loss
  kMachine = 5,   ///< disk, memory, missing library
  kInterrupted = 130,
};

/// Thrown for bad input; prints as "what (where): remedy". Our own mistakes use assert instead.
class Error : public std::runtime_error {
 public:
  Error(Exit code, const std::string& what, const std::string& where, const std::string& remedy)
      : std::runtime_error(what + " (" + where + "): " + remedy), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

inline Error usage_error(const std::string& what, const std::string& where, const std::string& remedy) {
  return {Exit::kUsage, what, where, remedy};
}
inline Error data_error(const std::string& what, const std::string& where, const std::string& remedy) {
  return {Exit::kData, what, where, remedy};
}
inline Error machine_error(const std::string& what, const std::string& where, const std::string& remedy) {
  return {Exit::kMachine, what, where, remedy};
}

}  // namespace warmstart
