// A class as users name it: `--class NAME|K|all`.
#pragma once

#include <string>

#include "gan/models.h"
#include "gan/sampler.h"

namespace miniray {

// What picture i is of: a class by its name or else its number, or, for "all" and an empty text,
// all in turn. Throws invalid argument where the model has no such class, saying which there are,
// or takes none though one is asked for.
ClassOf choose_class(const GanSpec& spec, const std::string& text);

}  // namespace miniray
