// How training grows with workers: the reference's table for this machine, the cost of one average
// by transport and world size, and a simulation of more machines. Under mpirun: that simulation,
// for the network between the processes, beside what they measure.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "bench/simulation.h"
#include "bench/stored_pictures.h"
#include "bench/timing.h"
#include "gan/trainer.h"
#include "runtime/process_group.h"
#include "runtime/thread_communicator.h"

namespace miniray::bench {
namespace {

constexpr std::int64_t kParameters = 7'640'000;  // of the reference's G and D
constexpr double kEpochPictures = 50'000;
constexpr double kBytes = sizeof(float) * static_cast<double>(kParameters);

// Pictures a second of `workers` workers of one thread each, one average included.
double train_speed(const GanSpec& model, int workers, std::int64_t steps) {
  const StoredPictures pictures(model.image_shape, 128 * steps * workers);
  GanOptions options;
  options.model = model;
  DistributedGanTrainer trainer(options, {.num_workers = workers});
  trainer.train(pictures, {.epochs = 1, .batch_size = 512});  // warm up
  return trainer.train(pictures, {.epochs = 1}).history.back().images_per_second();
}

std::vector<double> print_table(const GanSpec& model, int most_workers, int rounds,
                                std::int64_t steps) {
  std::vector<std::vector<double>> speeds(static_cast<std::size_t>(most_workers));
  for (int round = 0; round < rounds; ++round) {
    for (int workers = 1; workers <= most_workers; ++workers) {
      speeds[static_cast<std::size_t>(workers - 1)].push_back(train_speed(model, workers, steps));
    }
  }
  std::printf(
      "| workers of 1 thread | seconds an epoch | simulated | images/s | speed-up |\n"
      "|---|---|---|---|---|\n");
  std::vector<double> medians;
  for (int workers = 1; workers <= most_workers; ++workers) {
    medians.push_back(median(speeds[static_cast<std::size_t>(workers - 1)]));
    const double simulated = simulate_epoch(workers, kEpochPictures, medians.front(), 1, 0);
    std::printf("| %d | %.1f | %.1f | %.0f | %.2fx |\n", workers, kEpochPictures / medians.back(),
                simulated, medians.back(), medians.back() / medians.front());
  }
  return medians;
}

// Milliseconds of means over all parameters, on rank 0.
std::vector<double> time_means(Communicator& communicator, std::span<float> data, Payload payload,
                               int repetitions) {
  std::vector<double> times_ms;
  for (int i = 0; i < repetitions; ++i) {
    communicator.barrier();
    times_ms.push_back(time_ms([&] { communicator.mean(data, payload); }));
  }
  return times_ms;
}

const char* name_of(Payload payload) { return payload == Payload::kBfloat16 ? "bf16" : "float32"; }

// Bytes of all parameters.
double bytes_of(Payload payload) { return payload == Payload::kBfloat16 ? kBytes / 2 : kBytes; }

void print_mean(const char* transport, Payload payload, int world_size, double ms) {
  std::printf("| %s, %s | %d | %.1f | %.2f | %.1f |\n", transport, name_of(payload), world_size,
              bytes_of(payload) * 1e-6, ms, bytes_of(payload) * world_size / ms * 1e-6);
}

void print_mean_heading() {
  std::printf(
      "\n| transport | world | MB a rank | ms a mean | GB/s averaged |\n|---|---|---|---|---|\n");
}

double time_thread_means(int world_size, Payload payload) {
  ThreadWorld world(world_size, std::chrono::minutes(1));
  std::vector<std::thread> threads;
  double ms = 0;
  for (int rank = 0; rank < world_size; ++rank) {
    threads.emplace_back([&, rank] {
      const auto communicator = world.communicator(rank);
      FlatBuffer<float> data(kParameters);
      const double own_ms = median(time_means(*communicator, data.span(), payload, 21));
      if (rank == 0) ms = own_ms;
    });
  }
  for (auto& thread : threads) thread.join();
  return ms;
}

// Pictures a second of one process that trains alone while all others do.
double speed_beside_others(Communicator& communicator, std::int64_t steps) {
  const StoredPictures pictures({3, 32, 32}, 128 * steps);
  GanTrainer trainer(GanOptions{}, 1);
  trainer.train(pictures, {.epochs = 1, .batch_size = 512});  // warm up
  communicator.barrier();
  const double speed = trainer.train(pictures, {.epochs = 1}).history.back().images_per_second();
  communicator.barrier();
  return speed;
}

// Seconds of an epoch of all processes, one worker each, with an average after every step.
double averaged_epoch(ProcessGroup& processes, Payload payload, const Dataset& pictures) {
  DistributedGanTrainer trainer(GanOptions{}, {.num_workers = 1, .processes = &processes});
  trainer.train(pictures, {.epochs = 1, .batch_size = 512});  // warm up
  const SyncPolicy every_step{.unit = SyncUnit::kSteps, .interval = 1, .payload = payload};
  return trainer.train(pictures, {.epochs = 1, .sync = every_step}).history.back().seconds;
}

// The simulation of this network beside what the processes measure: one average of all parameters,
// and an epoch with an average after every step and one at its end.
void run_processes(ProcessGroup& processes, const Network& network, std::int64_t steps) {
  constexpr int kRepetitions = 7;
  Communicator& communicator = processes.communicator();
  const int machines = communicator.world_size();
  const StoredPictures pictures({3, 32, 32}, 128 * steps * machines);
  const double speed = speed_beside_others(communicator, steps);
  const bool first = communicator.rank() == 0;
  if (first) {
    std::printf("\n%d processes of %.0f images/s; simulated: %.3g Gbit/s and %.0f us\n\n", machines,
                speed, network.gigabits, network.latency_us);
    std::printf(
        "| payload | MB a rank | ms a mean: simulated | fastest | median | s of %lld steps, a mean "
        "after "
        "each: simulated | measured |\n|---|---|---|---|---|---|---|\n",
        static_cast<long long>(steps));
  }
  FlatBuffer<float> data(kParameters);
  for (const Payload payload : {Payload::kFloat32, Payload::kBfloat16}) {
    const auto means_ms = time_means(communicator, data.span(), payload, kRepetitions);
    const double epoch = averaged_epoch(processes, payload, pictures);
    const double simulated_mean = simulate_average(machines, bytes_of(payload), network);
    const double simulated = simulate_epoch(machines, static_cast<double>(pictures.size()), speed,
                                            static_cast<double>(steps + 1), simulated_mean);
    if (!first) continue;
    std::printf("| %s | %.1f | %.1f | %.1f | %.1f | %.2f | %.2f |\n", name_of(payload),
                bytes_of(payload) * 1e-6, 1e3 * simulated_mean, std::ranges::min(means_ms),
                median(means_ms), simulated, epoch);
    std::fflush(stdout);
  }
}

void print_simulation(double speed, const Network& network) {
  std::printf("\nsimulated: machines of %.0f images/s, %.0f Gbit/s and %.0f us between them\n\n",
              speed, network.gigabits, network.latency_us);
  std::printf(
      "| machines | average every 5 epochs, s an epoch | speed-up | every epoch | every step (391 "
      "/ machines) |\n|---|---|---|---|---|\n");
  const double alone = kEpochPictures / speed;
  for (const int machines : {1, 2, 4, 8, 16, 32, 64}) {
    const double average = simulate_average(machines, kBytes, network);
    const auto epoch = [&](double averages) {
      return simulate_epoch(machines, kEpochPictures, speed, averages, average);
    };
    const double five = epoch(0.2), one = epoch(1), steps = epoch(391.0 / machines);
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
  std::string model = "mlp";
  double width = 1;
  bench::Network network;
  CLI::App app("Times data-parallel training and its averages.", "scaling");
  app.add_option("--workers", most_workers, "Most workers")->capture_default_str();
  app.add_option("--rounds", rounds, "Rounds of the table, of which the medians are shown")
      ->capture_default_str();
  app.add_option("--steps", steps, "Steps of a worker in each")->capture_default_str();
  app.add_option("--model", model, "mlp; of another, only the table of workers is printed")
      ->capture_default_str();
  app.add_option("--width", width, "Factor of the model's widths")->capture_default_str();
  app.add_option("--bandwidth", network.gigabits, "Gbit/s of the simulation")
      ->capture_default_str();
  app.add_option("--latency", network.latency_us, "Microseconds of the simulation")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const auto processes = join_process_group(std::chrono::minutes(1));
  if (processes->communicator().world_size() > 1) {
    bench::run_processes(*processes, network, steps);
    return 0;
  }
  const GanSpec spec = make_spec(model, 100, {3, 32, 32}, width);
  const auto speeds = bench::print_table(spec, most_workers, rounds, steps);
  if (model != "mlp") return 0;
  bench::print_mean_heading();
  for (const int world : {2, 4}) {
    for (const Payload payload : {Payload::kFloat32, Payload::kBfloat16}) {
      bench::print_mean("threads", payload, world, bench::time_thread_means(world, payload));
    }
  }
  bench::print_simulation(speeds.back(), network);
  return 0;
}
