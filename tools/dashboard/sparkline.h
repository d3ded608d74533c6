// A curve of a few points for a small picture.
#pragma once

#include <cstddef>
#include <vector>

namespace miniray::dashboard {

// Means of equal stretches of a curve: from 30 to 60 of them once there are as many values.
class Sparkline {
 public:
  void add(float value) {
    if (value != value) return;
    sum_ += value;
    if (++count_ < stretch_) return;
    points_.push_back(static_cast<float>(sum_ / static_cast<double>(count_)));
    sum_ = 0;
    count_ = 0;
    if (points_.size() < kMaxPoints) return;
    for (std::size_t i = 0; i < kMaxPoints / 2; ++i) {
      points_[i] = (points_[2 * i] + points_[2 * i + 1]) / 2;
    }
    points_.resize(kMaxPoints / 2);
    stretch_ *= 2;
  }
  const std::vector<float>& points() const { return points_; }

 private:
  static constexpr std::size_t kMaxPoints = 60;
  std::vector<float> points_;
  std::size_t stretch_ = 1, count_ = 0;
  double sum_ = 0;
};

}  // namespace miniray::dashboard
