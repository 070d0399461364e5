#pragma once
// The providers there are, and what each is told.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "weir/base/clock.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/provider/provider.h"

namespace weir::provider {

/// Of blocking queries. All in milliseconds.
struct QueryTiming {
  uint64_t wait_ms = 60'000;       // the server answers after this even without a change (and up to 1/16 later)
  uint64_t slack_ms = 5'000;       // network and a busy server on top of that, before we give the answer up
  uint64_t immediate_ms = 15'000;  // for a query without index, which the server answers at once
  uint64_t proof_ms = 100;         // in which the answers come that tell why a list of services has moved
  uint64_t poll_ms = 5'000;        // between queries where the server has no usable index
  uint64_t backoff_first_ms = 100;
  uint64_t backoff_max_ms = 10'000;
  // While connections are refused: that costs nobody anything, and a registry that restarts is back in seconds.
  uint64_t backoff_refused_ms = 2'000;
};

struct ConsulOptions {
  std::string name = "consul";  // the name behind @
  config::ConsulConfig consul;
  config::SafetyConfig safety;
  std::string snapshot_path;  // of the last good catalog; "": nothing is kept on disk
  QueryTiming timing;         // wait_ms is consul.wait_s unless that is 0
  size_t watches_max = 64;    // services with a blocking query of their own; the others share two
  uint64_t coalesce_ms = 1;
};

/// Follows a Consul-compatible catalog, or one a datacenter. See src/provider/catalog_provider.h for what it asks and
/// why.
std::unique_ptr<Provider> make_consul_provider(event::Loop& loop, const Clock& clock, ConsulOptions options);

struct NomadOptions {
  std::string name = "nomad";
  config::NomadConfig nomad;
  config::SafetyConfig safety;
  std::string snapshot_path;  // of the last good catalog; "": nothing is kept on disk
  QueryTiming timing;         // wait_ms is nomad.wait_s unless that is 0
  size_t watches_max = 64;
  uint64_t coalesce_ms = 1;
};

/// Follows Nomad's native services.
std::unique_ptr<Provider> make_nomad_provider(event::Loop& loop, const Clock& clock, NomadOptions options);

struct HttpOptions {
  std::string name = "http";
  config::HttpDocumentConfig http;
  config::SafetyConfig safety;
  std::string data_dir;  // where the last good document is kept; "": nowhere
};

/// Asks for a JSON document of Traefik's dynamic configuration. See src/provider/http_provider.h.
std::unique_ptr<Provider> make_http_provider(event::Loop& loop, const Clock& clock, HttpOptions options);

struct ConsulKvOptions {
  std::string name = "consulkv";
  config::ConsulKvConfig kv;
  config::SafetyConfig safety;
  std::string data_dir;  // where the last good answers are kept; "": nowhere
  QueryTiming timing;    // wait_ms is kv.wait_s unless that is 0
};

/// Follows routes in Consul's key-value store. See src/provider/consul_kv_provider.h.
std::unique_ptr<Provider> make_consul_kv_provider(event::Loop& loop, const Clock& clock, ConsulKvOptions options);

struct FileOptions {
  std::string name = "file";
  config::FileConfig file;
  uint64_t settle_ms = 20;   // a folder is read when it has been quiet for this long: editors write in pieces
  uint64_t poll_ms = 2'000;  // and looked at this often anyway: not every file system tells of changes
};

/// Follows a folder of routes files (*.toml). A file that is broken keeps its last good version.
std::unique_ptr<Provider> make_file_provider(event::Loop& loop, const Clock& clock, FileOptions options);

}  // namespace weir::provider
