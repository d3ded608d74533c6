#include "runtime/future.h"

#include <algorithm>

namespace miniray {

bool FutureState::done() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

void FutureState::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_; });
}

void FutureState::fail(std::exception_ptr exception) {
  finish([&] { exception_ = std::move(exception); });
}

void FutureState::rethrow_failure() const {
  const std::lock_guard lock(mutex_);
  if (exception_) std::rethrow_exception(exception_);
}

void FutureState::watch(std::shared_ptr<Watcher> watcher) {
  const std::lock_guard lock(mutex_);
  if (done_) {
    watcher->notify();
  } else {
    watchers_.push_back(std::move(watcher));
  }
}

void FutureState::Watcher::notify() {
  const std::lock_guard lock(mutex_);
  ++count_;
  changed_.notify_all();
}

void FutureState::Watcher::wait_for(std::size_t count, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto enough = [&] { return count_ >= count; };
  if (timeout == kForever) {
    changed_.wait(lock, enough);
  } else {
    changed_.wait_for(lock, timeout, enough);
  }
}

std::vector<std::size_t> wait_for_states(std::span<FutureState* const> states, std::size_t count,
                                         std::chrono::milliseconds timeout) {
  const auto watcher = std::make_shared<FutureState::Watcher>();
  for (FutureState* state : states) state->watch(watcher);
  watcher->wait_for(std::min(count, states.size()), timeout);
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i]->done()) ready.push_back(i);
  }
  return ready;
}

}  // namespace miniray
