// The state of one rank as a safetensors file: arrays as tensors of one axis, in the order of their
// memory (weights in blocks: engine/kernels/layout.h; checkpoints of the time before that have a
// manifest of version 1 and are refused); counts and numbers as
// metadata in decimal digits, from which the very bits come back.
//
//   metadata   kind     "training state"
//              <name>   each count and number
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/state_fields.h"
#include "nn/safetensors.h"

namespace miniray {

// Returns the digest that stands for the content (see write_safetensors). Throws io, naming the
// path; diverged where a number is not finite: nothing can go on from it.
std::string write_state(const std::filesystem::path& path, const StateFields& fields);

// A state that was read and found to be whole. Its functions throw corrupt, naming file and field,
// where it lacks a field or has it with another size.
class StateFile {
 public:
  // Throws not found, io or corrupt, naming the path: also where the content is not the digest's.
  StateFile(const std::filesystem::path& path, const std::string& digest);

  // That it holds these fields and no others.
  void check(const StateFields& fields) const;
  void copy_to(const StateFields& fields) const;

  // Of another number of ranks: it may hold other arrays besides, and lack those that have
  // something to begin as otherwise.
  void check_of_others(const StateFields& fields) const;
  bool has(const StateFields::Array& array) const;
  // Adds what it has to these.
  void add_to(const StateFields& fields) const;

 private:
  SafetensorsFile file_;
};

}  // namespace miniray
