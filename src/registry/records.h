#pragma once
// What the registry stores. Values; shared as const once stored.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/text.h"

namespace weir::registry {

using StringMap = std::map<std::string, std::string>;

template <typename T>
using Ref = std::shared_ptr<const T>;

/// Every record knows the write that made it and the last that changed it.
struct Stamps {
  uint64_t create_index = 0;
  uint64_t modify_index = 0;
  bool operator==(const Stamps&) const = default;
};

struct Node {
  std::string id;  // UUID, or "" for nodes registered from outside
  std::string name;
  std::string address;
  StringMap tagged_addresses;
  StringMap meta;
  Stamps stamps;
  bool operator==(const Node&) const = default;
};

struct ServiceAddress {
  std::string address;
  int64_t port = 0;
  bool operator==(const ServiceAddress&) const = default;
};

struct Weights {
  int64_t passing = 1;
  int64_t warning = 1;
  bool operator==(const Weights&) const = default;
};

struct Service {
  std::string node;
  std::string id;  // unique on its node
  std::string name;
  std::string kind;
  std::vector<std::string> tags;  // verbatim and in order: clients read grammars out of them
  std::string address;
  std::map<std::string, ServiceAddress> tagged_addresses;
  StringMap meta;
  int64_t port = 0;
  std::string socket_path;
  Weights weights;
  bool enable_tag_override = false;
  Stamps stamps;
  bool operator==(const Service&) const = default;
};

/// How an agent's check is run. Durations in nanoseconds, as Consul's JSON has them.
struct CheckDefinition {
  enum class Kind : uint8_t { none, ttl, http, tcp, grpc };
  Kind kind = Kind::none;
  int64_t ttl_ns = 0;
  int64_t interval_ns = 0;
  int64_t timeout_ns = 0;
  std::string http;
  std::string method;
  std::map<std::string, std::vector<std::string>> header;
  std::string body;
  bool disable_redirects = false;
  std::string tcp;
  std::string grpc;  // "host:port" or "host:port/service"
  bool grpc_use_tls = false;
  std::string tls_server_name;  // of http and grpc; "": the host's
  bool tls_skip_verify = false;
  int64_t success_before_passing = 0;
  int64_t failures_before_warning = 0;
  int64_t failures_before_critical = 0;
  int64_t deregister_after_ns = 0;
  int64_t output_bytes_max = 0;
  bool operator==(const CheckDefinition&) const = default;
};

inline constexpr const char* kPassing = "passing";
inline constexpr const char* kWarning = "warning";
inline constexpr const char* kCritical = "critical";

struct Check {
  std::string node;
  std::string id;
  std::string name;
  std::string status;
  std::string notes;
  std::string output;
  std::string service_id;  // "" for a check of the node
  std::string service_name;
  std::vector<std::string> service_tags;
  std::string type;
  CheckDefinition definition;  // Kind::none for what only reports
  Stamps stamps;
  bool operator==(const Check&) const = default;
};

struct KvEntry {
  std::string key;
  std::string value;
  uint64_t flags = 0;
  std::string session;  // who holds the lock, or ""
  uint64_t lock_index = 0;
  Stamps stamps;
  bool operator==(const KvEntry&) const = default;
};

struct Session {
  enum class Behavior : uint8_t { release, remove };
  std::string id;
  std::string name;
  std::string node;
  int64_t lock_delay_ns = 15'000'000'000;
  Behavior behavior = Behavior::release;
  std::string ttl;  // as given; "" for none
  int64_t ttl_ns = 0;
  std::vector<std::string> node_checks;
  std::vector<std::string> service_checks;
  bool service_checks_given = false;  // absent reads back as null
  Stamps stamps;
  bool operator==(const Session&) const = default;
};

/// Remembers a deleted key, so that the index of a prefix does not go back.
struct Tombstone {
  std::string key;
  uint64_t index = 0;
  bool operator==(const Tombstone&) const = default;
};

/// Node and service names compare without case, as in Consul; ids of services and checks do not.
inline std::string fold_name(std::string_view name) { return to_lower(name); }

}  // namespace weir::registry
