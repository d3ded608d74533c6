// What a run was asked, as it stands in the run's first record.
#pragma once

#include "gan/collector.h"
#include "gan/records.h"

namespace miniray {

// By the names that gan_train's options have.
Record config_record(const TrainingInfo& training, const CollectorOptions& collector);

}  // namespace miniray
