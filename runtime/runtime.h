// Actors in this process: objects that live on threads of their own and are called from others.
//
//   Runtime runtime({.threads_per_actor = 1});
//   Actor<Counter> counter = runtime.remote<Counter>(10);        // Counter(const ThreadBudget&,
//   10) Future<int> value = counter.call(&Counter::add, 5); get(value);
//
// Calls of one actor run one after the other, in the order of their making. What a call throws
// reaches `get`. Leaving the runtime's scope lets the calls in hand end, fails those not begun, and
// joins every thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/parallel.h"
#include "runtime/future.h"

namespace miniray {

// A thread that runs tasks in order, with a budget of compute threads of its own.
class ActorThread {
 public:
  using Task = std::function<void(const ThreadBudget&)>;

  // first_core >= 0: the thread and its tasks run on cores first_core .. first_core + threads - 1.
  ActorThread(int threads, int first_core);
  ~ActorThread();
  ActorThread(const ActorThread&) = delete;
  ActorThread& operator=(const ActorThread&) = delete;

  // A task posted after close is dropped.
  void post(Task task);
  // The task in hand ends, those not begun are dropped, then `last_task` runs.
  void close();
  // After close: waits for the thread's end.
  void join();
  // Runs on the thread when it closes: the actor's destruction.
  void set_last_task(Task task);

 private:
  void run(int threads, int first_core);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  Task last_task_;
  bool closed_ = false;
  std::thread thread_;  // last: it uses the rest
};

// A handle; copies refer to the same actor. Calls after the runtime's end fail.
template <class T>
class Actor {
 public:
  // Runs (object.*method)(args...) on the actor's thread. Arguments are copied or moved to it.
  template <class Method, class... Args>
  auto call(Method method, Args... args) {
    using Result = std::invoke_result_t<Method, T&, Args...>;
    auto run = [cell = cell_, method, arguments = std::make_tuple(std::move(args)...)](
                   TypedFutureState<Result>& state) mutable {
      if (cell->failure) std::rethrow_exception(cell->failure);
      auto invoke = [&](Args&... values) -> Result {
        return std::invoke(method, *cell->object, std::move(values)...);
      };
      if constexpr (std::is_void_v<Result>) {
        std::apply(invoke, arguments);
        state.set({});
      } else {
        state.set(std::apply(invoke, arguments));
      }
    };
    return post<Result>(std::move(run));
  }

 private:
  friend class Runtime;
  struct Cell {
    std::unique_ptr<T> object;   // made, used and destroyed on the actor's thread
    std::exception_ptr failure;  // of its construction
  };
  // Fails the future of a call that is dropped before it began.
  template <class Result>
  struct Ticket {
    std::shared_ptr<TypedFutureState<Result>> state = std::make_shared<TypedFutureState<Result>>();
    ~Ticket() {
      state->fail(std::make_exception_ptr(
          Error(ErrorKind::kCommunication, "the runtime ended before this call began")));
    }
  };

  Actor(std::shared_ptr<ActorThread> thread, std::shared_ptr<Cell> cell)
      : thread_(std::move(thread)), cell_(std::move(cell)) {}

  template <class Result, class Run>
  Future<Result> post(Run run) {
    const auto ticket = std::make_shared<Ticket<Result>>();
    Future<Result> future(ticket->state);
    // Shared, since a std::function must be copyable and arguments need not be.
    thread_->post([ticket, shared = std::make_shared<Run>(std::move(run))](const ThreadBudget&) {
      try {
        (*shared)(*ticket->state);
      } catch (...) {
        ticket->state->fail(std::current_exception());
      }
    });
    return future;
  }

  std::shared_ptr<ActorThread> thread_;
  std::shared_ptr<Cell> cell_;
};

struct RuntimeOptions {
  int threads_per_actor = 1;
  // Actor i keeps to cores i * threads_per_actor and up. Of use where nothing else runs.
  bool pin_to_cores = false;
};

class Runtime {
 public:
  explicit Runtime(const RuntimeOptions& options = {}) : options_(options) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Starts a thread and makes T(budget, args...) on it, where budget is the thread's own. What the
  // constructor throws reaches every call.
  template <class T, class... Args>
  Actor<T> remote(Args... args) {
    auto cell = std::make_shared<typename Actor<T>::Cell>();
    const auto thread = start_thread();
    const auto arguments = std::make_shared<std::tuple<Args...>>(std::move(args)...);
    thread->post([cell, arguments](const ThreadBudget& budget) {
      try {
        std::apply(
            [&](Args&... values) {
              cell->object = std::make_unique<T>(budget, std::move(values)...);
            },
            *arguments);
      } catch (...) {
        cell->failure = std::current_exception();
      }
    });
    thread->set_last_task([cell](const ThreadBudget&) { cell->object.reset(); });
    return Actor<T>(thread, std::move(cell));
  }

 private:
  std::shared_ptr<ActorThread> start_thread();

  RuntimeOptions options_;
  std::vector<std::shared_ptr<ActorThread>> threads_;
};

}  // namespace miniray
