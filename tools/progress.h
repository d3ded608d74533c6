// What a person sees of a training run: a progress bar on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <ostream>
#include <string>

#include "gan/training_run.h"
#include "tools/status_line.h"

namespace miniray {

class TrainProgress final : public RunObserver {
 public:
  // terminal_width: columns; 0 where `out` is no terminal.
  TrainProgress(std::ostream& out, int terminal_width);

  void on_decode(std::int64_t done, std::int64_t total) override;
  void on_start(const RunInfo& info) override;
  void on_step(const StepReport& report) override;
  void on_epoch(const EpochReport& report, const Network<float>& generator) override;
  void on_warning(const std::string& message) override;
  // Ends the process.
  [[noreturn]] void on_hang(const std::string& reason) override;
  void on_checkpoint(const CheckpointReport& report) override;
  void on_evaluation(const EvaluationReport& report) override;
  void on_saved(const std::filesystem::path& save_dir, bool stopped) override;

 private:
  using Clock = std::chrono::steady_clock;

  // The line of a step, without the bar.
  std::string describe(const StepReport& report) const;
  // Shows what passes: on a terminal in its status line, elsewhere as a line now and then.
  bool is_due() const;
  void show(double fraction, const std::string& text);

  std::ostream& out_;
  StatusLine status_;
  Clock::time_point start_{}, last_line_{};
  std::int64_t steps_done_ = 0, images_done_ = 0;
};

}  // namespace miniray
