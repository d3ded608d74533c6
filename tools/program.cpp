#include "tools/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <new>
#include <sstream>

#include "engine/error.h"

namespace miniray {
namespace {

// What came from outside may hold line ends; a message is one line.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
  return text;
}

// TOML's comments, which may follow a value on its line; CLI11 would also take a '#' inside a
// quoted text, such as a path, for one.
class QuoteAwareToml : public CLI::ConfigTOML {
 public:
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::stringstream without_comments;
    for (std::string line; std::getline(input, line);) {
      without_comments << line.substr(0, comment_start(line)) << '\n';
    }
    CLI::ConfigTOML plain;
    plain.comment('\0');
    return plain.from_config(without_comments);
  }

 private:
  static std::size_t comment_start(const std::string& line) {
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (quote == '\0' && line[i] == '#') return i;
      if (quote == '\0' && (line[i] == '"' || line[i] == '\'')) {
        quote = line[i];
      } else if (line[i] == quote) {
        quote = '\0';
      }
    }
    return std::string::npos;
  }
};

void print_error(const std::string& name, const std::string& message) {
  std::cerr << name << ": " << one_line(message) << '\n';
}

[[noreturn]] void fail_usage(const CLI::App& app, const std::string& message) {
  std::cerr << app.get_name() << ": " << one_line(message) << " (" << app.get_name()
            << " --help)\n";
  throw ExitRequest{kUsage};
}

}  // namespace

int run_program(const std::string& name, const std::function<ExitCode()>& body) {
  // A file-size limit is then an error of the write, with a message, instead of a silent end.
  std::signal(SIGXFSZ, SIG_IGN);
  // Whoever read our messages may go: the work goes on.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return body();
  } catch (const ExitRequest& request) {
    return request.code;
  } catch (const std::bad_alloc&) {
    print_error(name, "there is not enough memory");
  } catch (const std::exception& error) {
    print_error(name, error.what());
  }
  return kFailure;
}

void fail_at_once(const std::string& name, const std::string& message) {
  std::cout.flush();
  print_error(name, message);
  std::_Exit(kFailure);
}

void parse_options(CLI::App& app, const std::vector<std::string>& arguments,
                   const std::function<void()>& check) {
  app.set_version_flag("--version", MINIRAY_VERSION);
  app.set_config("--config", "", "Read options from this TOML file, by the same names");
  app.config_formatter(std::make_shared<QuoteAwareToml>());
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.get_formatter()->column_width(32);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend() - 1));
  } catch (const CLI::Success& request) {
    app.exit(request);
    throw ExitRequest{kSuccess};
  } catch (const CLI::ParseError& error) {
    fail_usage(app, error.what());
  }
  try {
    check();
  } catch (const Error& error) {
    fail_usage(app, error.what());
  }
}

bool is_given(const std::vector<std::string>& arguments, const std::string& name) {
  return std::ranges::any_of(arguments, [&](const std::string& argument) {
    return argument == name || argument.starts_with(name + "=");
  });
}

void expect_unsigned(CLI::Option& option) {
  option.check([](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [next, failure] = std::from_chars(text.data(), end, value);
    if (failure == std::errc() && next == end) return {};
    return "'" + text + "' is no whole number from 0 to 18446744073709551615";
  });
}

}  // namespace miniray
