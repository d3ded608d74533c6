#include "engine/cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "engine/error.h"
#include "hwy/highway.h"
#if HWY_ARCH_X86
#include <xmmintrin.h>
#endif

namespace miniray {
namespace {

std::uint64_t read_float_control() {
#if HWY_ARCH_X86
  return _mm_getcsr();
#elif HWY_ARCH_ARM_A64
  std::uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
#else
  return 0;
#endif
}

void write_float_control([[maybe_unused]] std::uint64_t value) {
#if HWY_ARCH_X86
  _mm_setcsr(static_cast<unsigned>(value));
#elif HWY_ARCH_ARM_A64
  asm volatile("msr fpcr, %0" : : "r"(value));
#endif
}

#if HWY_ARCH_X86
constexpr std::uint64_t kFlushBits = 0x8040;  // flush results to zero, take inputs as zero
#elif HWY_ARCH_ARM_A64
constexpr std::uint64_t kFlushBits = std::uint64_t{1} << 24;
#else
constexpr std::uint64_t kFlushBits = 0;
#endif

}  // namespace

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("model name") && colon + 2 < line.size()) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total_pages = 0, resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * std::int64_t{1024};
}

std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  // A lower bit is a better target.
  for (std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS; targets != 0;
       targets &= targets - 1) {
    names.emplace_back(hwy::TargetName(targets & -targets));
  }
  return names;
}

std::string simd_target() { return simd_targets().front(); }

void use_simd_target(const std::string& name) {
  hwy::SetSupportedTargetsForTest(0);
  std::int64_t chosen = 0;
  std::string known;
  for (std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS; targets != 0;
       targets &= targets - 1) {
    const std::int64_t target = targets & -targets;
    known += std::string(known.empty() ? "" : ", ") + hwy::TargetName(target);
    if (name == hwy::TargetName(target)) chosen = target;
  }
  if (chosen == 0 && !name.empty()) {
    throw invalid_argument("SIMD target '" + name + "' cannot run here; these can: " + known);
  }
  hwy::SetSupportedTargetsForTest(chosen);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

FlushDenormals::FlushDenormals() : previous_(read_float_control()) {
  write_float_control(previous_ | kFlushBits);
}

FlushDenormals::~FlushDenormals() { write_float_control(previous_); }

}  // namespace miniray
