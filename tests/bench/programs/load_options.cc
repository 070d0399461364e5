#include "load_options.h"

#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "net.h"

namespace weir::bench {

LoadOptions read_load_options(int argc, char** argv) {
  LoadOptions options;
  auto whole = [](const char* text) { return std::strtoull(text, nullptr, 10); };
  auto number = [](const char* text) { return std::strtod(text, nullptr); };
  const std::map<std::string, std::function<void()>> switches = {
      {"--poisson", [&] { options.poisson = true; }},  // random gaps around the rate instead of equal ones
      {"--websocket", [&] { options.traffic = LoadOptions::Traffic::websocket; }},  // echoes of 64 bytes
      // Opens the connections, makes one request on each, says "idle" and keeps them until its standard input ends.
      {"--idle", [&] { options.traffic = LoadOptions::Traffic::idle; }},
      {"--connection-per-request", [&] { options.connection_per_request = true; }},
      {"--tolerate-errors", [&] { options.tolerate_errors = true; }},  // counts them; otherwise the first one ends it
  };
  const std::map<std::string, std::function<void(const char*)>> values = {
      {"--port", [&](const char* text) { options.port = static_cast<uint16_t>(whole(text)); }},
      {"--connections", [&](const char* text) { options.connections = whole(text); }},
      {"--warm", [&](const char* text) { options.warm_s = number(text); }},      // seconds before the first slice
      {"--seconds", [&](const char* text) { options.slice_s = number(text); }},  // of each slice; each prints a line
      {"--slices", [&](const char* text) { options.slices = whole(text); }},
      {"--requests", [&](const char* text) { options.requests_max = whole(text); }},  // exactly so many, no slices
      {"--rate", [&](const char* text) { options.rate_per_s = number(text); }},       // open loop
      {"--hosts", [&](const char* text) { options.hosts = whole(text); }},            // h000000.bench.test and on
      {"--body", [&](const char* text) { options.body_bytes = whole(text); }},        // every answer must have
      {"--upload",
       [&](const char* text) {
         options.upload_bytes = whole(text);
         options.traffic = LoadOptions::Traffic::upload;
       }},
      {"--cpu-of", [&](const char* text) { options.cpu_of.push_back(static_cast<pid_t>(whole(text))); }},
  };
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    if (auto found = switches.find(name); found != switches.end()) {
      found->second();
    } else if (auto with = values.find(name); with != values.end() && i + 1 < argc) {
      with->second(argv[++i]);
    } else {
      refuse("unknown argument: " + name);
    }
  }
  if (options.port == 0 || options.connections == 0) refuse("--port and at least one connection are needed");
  return options;
}

}  // namespace weir::bench
