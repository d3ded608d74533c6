#include "runtime/runtime.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "support/expect_error.h"

namespace miniray {
namespace {

using namespace std::chrono_literals;

class Counter {
 public:
  Counter(const ThreadBudget& threads, int start) : threads_(threads), value_(start) {
    if (start < 0) throw std::invalid_argument("a counter starts at 0");
  }
  int add(int amount) { return value_ += amount; }
  void fail() { throw std::runtime_error("the counter failed"); }
  std::thread::id thread() const { return std::this_thread::get_id(); }
  int threads() const { return threads_.threads(); }
  void wait_until(const std::atomic<bool>* go) {
    while (!*go) std::this_thread::sleep_for(1ms);
  }
  std::unique_ptr<int> boxed(std::unique_ptr<int> value) { return value; }

 private:
  const ThreadBudget& threads_;
  int value_;
};

TEST(Runtime, CallsRunInOrderOnAThreadOfTheirOwn) {
  Runtime runtime({.threads_per_actor = 2});
  auto counter = runtime.remote<Counter>(10), other = runtime.remote<Counter>(0);
  std::vector<Future<int>> values;
  for (int i = 1; i <= 4; ++i) values.push_back(counter.call(&Counter::add, i));
  EXPECT_EQ(get(values), (std::vector<int>{11, 13, 16, 20}));
  auto a = counter.call(&Counter::thread), b = counter.call(&Counter::thread),
       c = other.call(&Counter::thread);
  const auto thread = get(a);
  EXPECT_EQ(thread, get(b));
  EXPECT_NE(thread, get(c));
  EXPECT_NE(thread, std::this_thread::get_id());
  auto threads = counter.call(&Counter::threads);
  EXPECT_EQ(get(threads), 2);
}

TEST(Runtime, WhatACallThrowsReachesGetAndTheActorLivesOn) {
  Runtime runtime;
  auto counter = runtime.remote<Counter>(1);
  auto failed = counter.call(&Counter::fail);
  EXPECT_THROW(get(failed), std::runtime_error);
  auto value = counter.call(&Counter::add, 1);
  EXPECT_EQ(get(value), 2);
}

TEST(Runtime, WhatTheConstructorThrowsReachesEveryCall) {
  Runtime runtime;
  auto counter = runtime.remote<Counter>(-1);
  for (int i = 0; i < 2; ++i) {
    auto value = counter.call(&Counter::add, 1);
    EXPECT_THROW(get(value), std::invalid_argument);
  }
}

TEST(Runtime, GetOfManyWaitsForAllBeforeItThrows) {
  Runtime runtime;
  auto good = runtime.remote<Counter>(1), bad = runtime.remote<Counter>(1);
  std::atomic<bool> go{false};
  std::vector<Future<void>> futures;
  futures.push_back(bad.call(&Counter::fail));
  futures.push_back(good.call(&Counter::wait_until, &go));
  std::thread late([&] {
    std::this_thread::sleep_for(50ms);
    go = true;
  });
  EXPECT_THROW(get(futures), std::runtime_error);
  EXPECT_TRUE(go);
  late.join();
}

TEST(Runtime, WaitGivesTheFirstThatAreDone) {
  Runtime runtime;
  auto slow = runtime.remote<Counter>(1), fast = runtime.remote<Counter>(1);
  std::atomic<bool> go{false};
  std::vector<Future<void>> futures;
  futures.push_back(slow.call(&Counter::wait_until, &go));
  futures.push_back(fast.call(&Counter::fail));
  EXPECT_EQ(wait(futures, 1), (std::vector<std::size_t>{1}));
  EXPECT_EQ(wait(futures, 2, 20ms), (std::vector<std::size_t>{1}));
  go = true;
  EXPECT_EQ(wait(futures, 2), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(wait(futures, 9), (std::vector<std::size_t>{0, 1}));
}

TEST(Runtime, MovesWhatCannotBeCopied) {
  Runtime runtime;
  auto counter = runtime.remote<Counter>(1);
  auto boxed = counter.call(&Counter::boxed, std::make_unique<int>(7));
  EXPECT_EQ(*get(boxed), 7);
}

class Lasting {
 public:
  Lasting(const ThreadBudget&, std::atomic<int>* destroyed, std::thread::id* thread)
      : destroyed_(destroyed), thread_(thread) {}
  ~Lasting() {
    *thread_ = std::this_thread::get_id();
    ++*destroyed_;
  }
  std::thread::id thread() const { return std::this_thread::get_id(); }

 private:
  std::atomic<int>* destroyed_;
  std::thread::id* thread_;
};

TEST(Runtime, LeavingScopeDestroysActorsOnTheirThreads) {
  std::atomic<int> destroyed{0};
  std::thread::id destroyer, own;
  {
    Runtime runtime;
    auto lasting = runtime.remote<Lasting>(&destroyed, &destroyer);
    auto thread = lasting.call(&Lasting::thread);
    own = get(thread);
  }
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(destroyer, own);
}

TEST(Runtime, LeavingScopeEndsTheCallInHandAndFailsTheRest) {
  std::atomic<bool> go{false};
  std::optional<Future<void>> first, second;
  std::optional<Actor<Counter>> handle;
  {
    Runtime runtime;
    handle = runtime.remote<Counter>(1);
    auto ready = handle->call(&Counter::add, 0);
    get(ready);
    first = handle->call(&Counter::wait_until, &go);
    second = handle->call(&Counter::fail);
    std::this_thread::sleep_for(20ms);  // the first has begun
    go = true;
  }
  EXPECT_TRUE(first->ready() && second->ready());
  const auto kind = ErrorKind::kCommunication;
  auto late = handle->call(&Counter::add, 1);
  testing::expect_error(kind, "ended before", [&] { get(late); });
}

}  // namespace
}  // namespace miniray
