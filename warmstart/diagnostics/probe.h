// Fixed transitions on which a run is measured again and again, so that a curve over time shows the learner and not the rows.
#pragma once
#include <string>

#include "warmstart/data/dataset.h"
#include "warmstart/data/replay_buffer.h"
#include "warmstart/io/safetensors.h"

namespace warmstart {

struct Probe {
  BatchStorage rows;  ///< rewards as learners see them; one-step transitions
  int count = 0;      ///< 0 = there are none

  bool empty() const { return count == 0; }
  int not_terminal() const;  ///< rows that are no true end
  Batch batch() const { return rows.view(false); }
};

/// Up to `count` rows that are no true end (unless all are), evenly spaced over what the dataset holds out (Dataset::hold_out), or over all
/// of it when that is nothing.
Probe probe_of(const Dataset& data, int count);
/// Up to `count` rows, evenly spaced over the buffer.
Probe spread_probe(const ReplayBuffer& buffer, int count);
/// The newest rows, up to `count`.
Probe newest_probe(const ReplayBuffer& buffer, int count);

/// Into and out of a file, as "<name>/obs", ...; no tensors for an empty probe, and none is read where there are none.
/// Throws Error(kData) naming `where` when the tensors do not fit each other.
void put_probe(const Probe& probe, const std::string& name, SafeTensors& file);
Probe get_probe(const SafeTensors& file, const std::string& name, const std::string& where);

}  // namespace warmstart
