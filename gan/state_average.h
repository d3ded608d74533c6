// A checkpoint that another number of ranks takes up than saved it: each begins with the average of
// what those had, as if they had averaged everything, moments included, before they left. Arrays
// and numbers are means over the old ranks, counts (such as steps) means rounded down; an array
// that the old ranks had no use for begins as StateFields says.
#pragma once

#include <string>

#include "engine/state_fields.h"
#include "gan/checkpoint_folder.h"
#include "runtime/communicator.h"

namespace miniray {

// A collective. `fields` of every rank := the average of checkpoint `name`. Each old rank's file is
// read by one rank that sees it; where machines share no folder, each must lie on one of them.
// Returns what is wrong with the checkpoint, the same on all ranks; then nothing was done. Empty:
// it was taken. Throws what reading a file throws that was whole a moment before.
std::string take_average(Communicator& communicator, const CheckpointFolder& folder,
                         const std::string& name, const Manifest& manifest,
                         const StateFields& fields);

}  // namespace miniray
