// The result of a call that runs elsewhere: a value or an exception, once it is there.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace miniray {

// What a future and the call behind it share, whatever the type of the result.
class FutureState {
 public:
  virtual ~FutureState() = default;

  bool done() const;
  void wait() const;
  void fail(std::exception_ptr exception);

 protected:
  // Calls `store`, marks the state done and wakes who waits. The first result stays.
  template <class Store>
  void finish(Store store) {
    const std::lock_guard lock(mutex_);
    if (done_) return;
    store();
    done_ = true;
    changed_.notify_all();
    for (const auto& watcher : watchers_) watcher->notify();
  }
  void rethrow_failure() const;

 private:
  friend std::vector<std::size_t> wait_for_states(std::span<FutureState* const>, std::size_t,
                                                  std::chrono::milliseconds);
  // Counts the results of a wait for many.
  class Watcher {
   public:
    void notify();
    void wait_for(std::size_t count, std::chrono::milliseconds timeout);

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;
  };
  void watch(std::shared_ptr<Watcher> watcher);

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool done_ = false;
  std::exception_ptr exception_;
  std::vector<std::shared_ptr<Watcher>> watchers_;
};

// The indices of those that are done, in order: at least `count` of them unless the timeout passed.
std::vector<std::size_t> wait_for_states(std::span<FutureState* const> states, std::size_t count,
                                         std::chrono::milliseconds timeout);

template <class T>
class TypedFutureState final : public FutureState {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  void set(Value value) {
    finish([&] { value_.emplace(std::move(value)); });
  }
  Value take() {
    wait();
    rethrow_failure();
    return std::move(*value_);
  }

 private:
  std::optional<Value> value_;
};

template <class T>
class Future {
 public:
  explicit Future(std::shared_ptr<TypedFutureState<T>> state) : state_(std::move(state)) {}

  bool ready() const { return state_->done(); }
  // Waits; gives the value, once, or throws what the call threw.
  T get() {
    if constexpr (std::is_void_v<T>) {
      state_->take();
    } else {
      return state_->take();
    }
  }
  FutureState* state() const { return state_.get(); }

 private:
  std::shared_ptr<TypedFutureState<T>> state_;
};

template <class T>
T get(Future<T>& future) {
  return future.get();
}

// Waits for all, then gives all values in order, or throws the failure of the lowest index.
template <class T>
auto get(std::vector<Future<T>>& futures) {
  for (const auto& future : futures) future.state()->wait();
  if constexpr (std::is_void_v<T>) {
    for (auto& future : futures) future.get();
  } else {
    std::vector<T> values;
    for (auto& future : futures) values.push_back(future.get());
    return values;
  }
}

inline constexpr std::chrono::milliseconds kForever = std::chrono::milliseconds::max();

// Waits until `count` of the futures are done, or the timeout has passed. Gives the indices of
// those that are, in order; a failure counts as done.
template <class T>
std::vector<std::size_t> wait(const std::vector<Future<T>>& futures, std::size_t count,
                              std::chrono::milliseconds timeout = kForever) {
  std::vector<FutureState*> states;
  for (const auto& future : futures) states.push_back(future.state());
  return wait_for_states(states, count, timeout);
}

}  // namespace miniray
