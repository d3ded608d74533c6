// What every program here does alike: exit codes, one line for an error, options.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace miniray {

// Exit codes of all programs.
enum ExitCode : int { kSuccess = 0, kFailure = 1, kUsage = 2, kInterrupted = 130 };

// Thrown by parse_options where the program ends: the help was shown, or the usage was wrong.
struct ExitRequest {
  ExitCode code;
};

// Runs `body` and returns its exit code. What it throws becomes one line on stderr, "name:
// message", and kFailure.
int run_program(const std::string& name, const std::function<ExitCode()>& body);

// Ends the process as an exception with this message would, but here and now: nothing is destroyed,
// no thread is waited for. Where some thread hangs there is no other way to end.
[[noreturn]] void fail_at_once(const std::string& name, const std::string& message);

// Parses what main was given; then calls `check`, whose invalid argument is a wrong usage too. Adds
// --version and
// --config. Throws ExitRequest.
void parse_options(CLI::App& app, const std::vector<std::string>& arguments,
                   const std::function<void()>& check);

// Whether the arguments name an option, "--name value" or "--name=value"; a config file does not
// count.
bool is_given(const std::vector<std::string>& arguments, const std::string& name);

// Makes an option refuse what is no whole number from 0 to 2^64 - 1.
void expect_unsigned(CLI::Option& option);

}  // namespace miniray
