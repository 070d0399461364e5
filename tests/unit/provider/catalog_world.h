#pragma once
// A provider, its catalog and what it handed over, with times made short.

#include <stdexcept>

#include "scripted_catalog.h"
#include "weir/provider/providers.h"

namespace weir::provider::test {

struct CatalogWorld {
  event::Loop loop;
  SystemClock clock;
  ScriptedCatalog catalog{loop};
  Recorder seen;
  ConsulOptions options;
  std::unique_ptr<Provider> provider;

  CatalogWorld() {
    options.consul.addresses = {catalog.url()};
    options.consul.tag_prefixes = {"weir", "traefik"};
    options.consul.fabio_tag_prefix = "urlprefix-";
    options.safety = {.mass_removal_share_percent = 50, .mass_removal_count_min = 4, .hold_ms = 150};
    options.timing = {.wait_ms = 600,
                      .slack_ms = 100,
                      .immediate_ms = 300,
                      .poll_ms = 20,
                      .backoff_first_ms = 4,
                      .backoff_max_ms = 40};
  }
  ~CatalogWorld() {
    catalog.lie = nullptr;
    provider.reset();
  }

  void start() {
    provider = make_consul_provider(loop, clock, options);
    const Status started = provider->start(seen);
    if (!started) throw std::runtime_error(started.error().text());
  }
  bool until(const std::function<bool()>& done, uint64_t limit_ms = 20'000) { return run_until(loop, done, limit_ms); }
  bool until_text(const std::string& text) {
    return until([&] { return seen.text() == text; });
  }
  bool until_synced() {
    return until([&] { return provider->status().synced_once && !seen.snapshots.empty(); });
  }
  /// Web with that many instances on as many nodes, and the provider in sync with it.
  void start_with(int instances) {
    for (int i = 0; i < instances; ++i) {
      catalog.put({.service = "web", .id = "web-" + std::to_string(i), .port = static_cast<uint16_t>(1'000 + i)});
    }
    start();
    auto in_sync = [&] {
      if (!provider->status().synced_once || seen.snapshots.empty()) return false;
      auto web = seen.snapshots.back()->services.find("web");
      return web != seen.snapshots.back()->services.end() && web->second->instances.size() == size_t(instances);
    };
    if (!until(in_sync)) throw std::runtime_error("not in sync: " + seen.text());
  }
};

}  // namespace weir::provider::test
