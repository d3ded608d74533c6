// How training grows with workers: the reference's table for this machine, the cost of one average
// by transport and world size, and a simulation of more machines. Under mpirun: the cost of one
// average over the processes alone.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "bench/stored_pictures.h"
#include "bench/timing.h"
#include "gan/trainer.h"
#include "runtime/process_group.h"
#include "runtime/thread_communicator.h"

namespace miniray::bench {
namespace {

constexpr std::int64_t kParameters = 7'640'000;  // of the reference's G and D
constexpr std::int64_t kEpochPictures = 50'000;
constexpr double kBytes = sizeof(float) * static_cast<double>(kParameters);

// Pictures a second of `workers` workers of one thread each, one average included.
double train_speed(int workers, std::int64_t steps) {
  const StoredPictures pictures({3, 32, 32}, 128 * steps * workers);
  DistributedGanTrainer trainer(GanOptions{}, {.num_workers = workers});
  trainer.train(pictures, {.epochs = 1, .batch_size = 512});  // warm up
  return trainer.train(pictures, {.epochs = 1}).history.back().images_per_second();
}

std::vector<double> print_table(int most_workers, int rounds, std::int64_t steps) {
  std::vector<std::vector<double>> speeds(static_cast<std::size_t>(most_workers));
  for (int round = 0; round < rounds; ++round) {
    for (int workers = 1; workers <= most_workers; ++workers) {
      speeds[static_cast<std::size_t>(workers - 1)].push_back(train_speed(workers, steps));
    }
  }
  std::printf(
      "| workers of 1 thread | seconds an epoch | images/s | speed-up |\n|---|---|---|---|\n");
  std::vector<double> medians;
  for (int workers = 1; workers <= most_workers; ++workers) {
    medians.push_back(median(speeds[static_cast<std::size_t>(workers - 1)]));
    std::printf("| %d | %.1f | %.0f | %.2fx |\n", workers, kEpochPictures / medians.back(),
                medians.back(), medians.back() / medians.front());
  }
  return medians;
}

// Milliseconds of one mean over all parameters, on rank 0.
double time_means(Communicator& communicator, std::span<float> data, int repetitions) {
  std::vector<double> times_ms;
  for (int i = 0; i < repetitions; ++i) {
    communicator.barrier();
    times_ms.push_back(time_ms([&] { communicator.mean(data); }));
  }
  return median(times_ms);
}

void print_mean(const char* transport, int world_size, double ms) {
  std::printf("| %s | %d | %.1f | %.2f | %.1f |\n", transport, world_size, kBytes * 1e-6, ms,
              kBytes * world_size / ms * 1e-6);
}

void print_mean_heading() {
  std::printf(
      "\n| transport | world | MB a rank | ms a mean | GB/s averaged |\n|---|---|---|---|---|\n");
}

double time_thread_means(int world_size) {
  ThreadWorld world(world_size, std::chrono::minutes(1));
  std::vector<std::thread> threads;
  double ms = 0;
  for (int rank = 0; rank < world_size; ++rank) {
    threads.emplace_back([&, rank] {
      const auto communicator = world.communicator(rank);
      FlatBuffer<float> data(kParameters);
      const double own_ms = time_means(*communicator, data.span(), 21);
      if (rank == 0) ms = own_ms;
    });
  }
  for (auto& thread : threads) thread.join();
  return ms;
}

// Seconds of a step of two or more processes of one worker each: without averages between steps,
// and with one after every step.
double step_seconds(ProcessGroup& processes, const SyncPolicy& sync, std::int64_t steps) {
  const int world_size = processes.communicator().world_size();
  const StoredPictures pictures({3, 32, 32}, 128 * steps * world_size);
  DistributedGanTrainer trainer(GanOptions{}, {.num_workers = 1, .processes = &processes});
  trainer.train(pictures, {.epochs = 1, .batch_size = 512});  // warm up
  return trainer.train(pictures, {.epochs = 1, .sync = sync}).history.back().seconds /
         static_cast<double>(steps);
}

// One mean over the processes, and the simulation's claim that an average costs its transfer and
// nothing else, beside what training really takes.
void run_processes(ProcessGroup& processes, std::int64_t steps) {
  Communicator& communicator = processes.communicator();
  FlatBuffer<float> data(kParameters);
  const double mean_ms = time_means(communicator, data.span(), 21);
  const double plain_ms = 1e3 * step_seconds(processes, {}, steps);
  const double averaged_ms =
      1e3 * step_seconds(processes, {.unit = SyncUnit::kSteps, .interval = 1}, steps);
  if (communicator.rank() != 0) return;
  print_mean_heading();
  print_mean("MPI", communicator.world_size(), mean_ms);
  std::printf("\na step with an average after it: simulated %.1f ms, measured %.1f ms\n",
              plain_ms + mean_ms, averaged_ms);
}

struct Network {
  double gigabits = 1, latency_us = 50;
};

// Seconds of an epoch on `machines` machines of `speed` pictures a second each, with one average
// every `epochs_between` epochs. Assumes: shards of equal size and speed, a full-duplex link of
// each machine to a switch that does not block, and the average as runtime/mpi_process_group.cpp
// takes it: each process sends and receives its parameters once for the sums' parts and once for
// the sums, in 2 (machines - 1) messages; adding is hidden behind the link.
double simulate_epoch(int machines, double speed, const Network& network, double epochs_between) {
  const double share = static_cast<double>(machines - 1) / machines;
  const double transfer = 2 * share * kBytes * 8 / (network.gigabits * 1e9);
  const double latency = 2.0 * (machines - 1) * network.latency_us * 1e-6;
  return kEpochPictures / (speed * machines) + (transfer + latency) / epochs_between;
}

void print_simulation(double speed, const Network& network) {
  std::printf("\nsimulated: machines of %.0f images/s, %.0f Gbit/s and %.0f us between them\n\n",
              speed, network.gigabits, network.latency_us);
  std::printf(
      "| machines | average every 5 epochs, s an epoch | speed-up | every epoch | every step (391 "
      "/ machines) |\n|---|---|---|---|---|\n");
  const double alone = kEpochPictures / speed;
  for (const int machines : {1, 2, 4, 8, 16, 32, 64}) {
    const double five = simulate_epoch(machines, speed, network, 5);
    const double one = simulate_epoch(machines, speed, network, 1);
    const double steps = simulate_epoch(machines, speed, network, machines / 391.0);
    std::printf("| %d | %.2f | %.1fx | %.1fx | %.1fx |\n", machines, five, alone / five,
                alone / one, alone / steps);
  }
}

}  // namespace
}  // namespace miniray::bench

int main(int argc, char** argv) {
  using namespace miniray;
  int most_workers = available_cores(), rounds = 3;
  std::int64_t steps = 40;
  bench::Network network;
  CLI::App app("Times data-parallel training and its averages.", "scaling");
  app.add_option("--workers", most_workers, "Most workers")->capture_default_str();
  app.add_option("--rounds", rounds, "Rounds of the table, of which the medians are shown")
      ->capture_default_str();
  app.add_option("--steps", steps, "Steps of a worker in each")->capture_default_str();
  app.add_option("--bandwidth", network.gigabits, "Gbit/s of the simulation")
      ->capture_default_str();
  app.add_option("--latency", network.latency_us, "Microseconds of the simulation")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const auto processes = join_process_group(std::chrono::minutes(1));
  if (processes->communicator().world_size() > 1) {
    bench::run_processes(*processes, steps);
    return 0;
  }
  const auto speeds = bench::print_table(most_workers, rounds, steps);
  bench::print_mean_heading();
  for (const int world : {2, 4})
    bench::print_mean("threads", world, bench::time_thread_means(world));
  bench::print_simulation(speeds.back(), network);
  return 0;
}
