// What data-parallel training over a network should cost, by arithmetic alone.
//
// Assumes: shards of equal size and speed, a full-duplex link of each machine to a switch that does
// not block, and the average as runtime/mpi_process_group.cpp takes it: each process sends and
// receives its parameters once for the sums' parts and once for the sums, in 2 (machines - 1)
// messages; adding, rounding and what the link's protocols add are free. docs/data_parallel.md has
// measurements beside it.
#pragma once

namespace miniray::bench {

struct Network {
  double gigabits = 1, latency_us = 50;
};

// Seconds of one average of `bytes` on each machine.
inline double simulate_average(int machines, double bytes, const Network& network) {
  const double share = static_cast<double>(machines - 1) / machines;
  const double transfer = 2 * share * bytes * 8 / (network.gigabits * 1e9);
  return transfer + 2.0 * (machines - 1) * network.latency_us * 1e-6;
}

// Seconds in which machines of `speed` pictures a second each see `pictures` together and take
// `averages` averages of average_seconds.
inline double simulate_epoch(int machines, double pictures, double speed, double averages,
                             double average_seconds) {
  return pictures / (speed * machines) + averages * average_seconds;
}

}  // namespace miniray::bench
