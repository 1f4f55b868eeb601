// Statistics of observations in an agent's file: tensors normalizer/mean and normalizer/deviation [O] in double precision, and the count
// `normalizer_rows` in the header. No task and no data: programs that only act read them as well.
#pragma once
#include <string>

#include "warmstart/io/safetensors.h"
#include "warmstart/nn/normalizer.h"

namespace warmstart {

/// Writes nothing when the normalizer is off. `prefix` stands before every name.
void put_normalizer(const ObsNormalizer& normalizer, SafeTensors& file, const std::string& prefix);
/// Reads into a normalizer that is on; one that is off must find nothing. Throws Error(kData) naming `where` and the tensor.
void get_normalizer(const SafeTensors& file, const std::string& where, ObsNormalizer& normalizer, const std::string& prefix);
bool has_normalizer(const SafeTensors& file);

}  // namespace warmstart
