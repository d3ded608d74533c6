#include "runtime/runtime.h"

#include <sched.h>

namespace miniray {
namespace {

void pin_this_thread(int first_core, int count) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (int core = first_core; core < first_core + count; ++core) {
    CPU_SET(static_cast<std::size_t>(core), &cores);
  }
  sched_setaffinity(0, sizeof cores, &cores);  // where it is refused, the thread floats
}

}  // namespace

ActorThread::ActorThread(int threads, int first_core)
    : thread_([this, threads, first_core] { run(threads, first_core); }) {}

ActorThread::~ActorThread() {
  close();
  join();
}

void ActorThread::join() {
  if (thread_.joinable()) thread_.join();
}

void ActorThread::post(Task task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  tasks_.push_back(std::move(task));
  changed_.notify_one();
}

void ActorThread::close() {
  std::deque<Task> dropped;  // destroyed after the lock: that fails futures
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(tasks_);
  }
  changed_.notify_one();
}

void ActorThread::set_last_task(Task task) {
  const std::lock_guard lock(mutex_);
  last_task_ = std::move(task);
}

void ActorThread::run(int threads, int first_core) {
  if (first_core >= 0) pin_this_thread(first_core, threads);
  const ThreadBudget budget(threads);
  while (true) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closed_ || !tasks_.empty(); });
      if (closed_) break;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task(budget);
  }
  if (last_task_) last_task_(budget);
}

Runtime::~Runtime() {
  for (const auto& thread : threads_) thread->close();
  // Handles may live on; the threads may not.
  for (const auto& thread : threads_) thread->join();
}

std::shared_ptr<ActorThread> Runtime::start_thread() {
  const int index = static_cast<int>(threads_.size());
  const int first_core = options_.pin_to_cores ? index * options_.threads_per_actor : -1;
  threads_.push_back(std::make_shared<ActorThread>(options_.threads_per_actor, first_core));
  return threads_.back();
}

}  // namespace miniray
