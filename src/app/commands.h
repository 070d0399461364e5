#pragma once
// Every subcommand: what it is told, and the function that runs it. cli.cc fills the options; one file a subcommand.
// The return value is the process's exit code: 0 good, 1 failed, 2 wrong usage or (job plan, job run) not all placed.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::app {

/// Of the long-running ones.
struct ServiceOptions {
  std::string log_level = "info";
  std::string log_format = "text";
  std::string ready_file;  // written atomically once everything is bound: JSON with the addresses
};

struct EdgeOptions {
  ServiceOptions service;
  std::string config_path;                // "": none
  std::vector<std::string> entry_points;  // "name=ip:port"
  // Where given, also as "", they win over the configuration.
  std::optional<std::string> consul;
  std::optional<std::string> admin;
  std::optional<std::string> workers;
  std::optional<std::string> data_dir;
  std::optional<std::string> routes;
  std::vector<std::string> settings;  // "key=value", any option of the configuration
};
int run_edge(const EdgeOptions& options);

struct RegistryOptions {
  ServiceOptions service;
  std::string http = "127.0.0.1:8500";
  std::string dns = "127.0.0.1:8600";  // "": no DNS
  std::string data_dir;
  std::string datacenter = "dc1";
  std::string node_name;
  bool legacy_get_writes = false;
};
int run_registry(const RegistryOptions& options);

struct SchedulerOptions {
  ServiceOptions service;
  std::string http = "127.0.0.1:4646";
  std::string data_dir;
};
int run_scheduler(const SchedulerOptions& options);

struct AgentOptions {
  ServiceOptions service;
  std::string scheduler = "http://127.0.0.1:4646";
  std::string scheduler_token;
  std::string consul = "http://127.0.0.1:8500";
  std::string consul_token;
  std::string node_name;
  std::string datacenter = "dc1";
  std::string node_class;
  std::string address = "127.0.0.1";
  std::string http;  // "": address with a port of the kernel's choice
  std::string data_dir;
  std::vector<std::string> meta;  // "key=value"
  int64_t cpu_mhz = 0;
  int64_t memory_mb = 0;
};
int run_agent(const AgentOptions& options);

struct DevOptions {
  ServiceOptions service;
  std::string data_dir;                        // "": a temporary folder, removed at the end
  std::string entry_point = "127.0.0.1:8080";  // or "name=ip:port"
  std::string admin = "127.0.0.1:8081";        // "": none
  std::string registry = "127.0.0.1:8500";
  std::string dns = "127.0.0.1:8600";
  std::string scheduler = "127.0.0.1:4646";
  std::string routes;
  std::string workers = "1";
};
int run_dev(const DevOptions& options);

/// How a client subcommand reaches a server.
struct ApiOptions {
  std::string address;
  std::string token;
};

struct JobFileOptions {
  ApiOptions api;
  std::string file;                    // "-": standard input
  std::vector<std::string> variables;  // "name=value"
  std::vector<std::string> variable_files;
  std::optional<uint64_t> check_index;
  bool detach = false;
  bool verbose = false;
};
int job_plan(const JobFileOptions& options);
int job_run(const JobFileOptions& options);

struct JobOptions {
  ApiOptions api;
  std::string id;  // or its beginning; "" for a list
  bool purge = false;
  bool sure = false;  // the beginning of an id will do
  bool detach = false;
  bool verbose = false;
};
int job_stop(const JobOptions& options);
int job_status(const JobOptions& options);

struct AllocOptions {
  ApiOptions api;
  std::string id;  // or its beginning
  std::string task;
  bool standard_error = false;
  bool follow = false;
  bool tail = false;
  uint64_t lines = 10;
  bool verbose = false;
};
int alloc_status(const AllocOptions& options);
int alloc_logs(const AllocOptions& options);

struct NodeOptions {
  ApiOptions api;
  std::string id;  // or its beginning; "" for a list
  bool verbose = false;
};
int node_status(const NodeOptions& options);

struct ServiceRegistration {
  ApiOptions api;
  std::string id;
  std::string name;
  std::string address;
  uint16_t port = 0;
  std::vector<std::string> tags;
  std::vector<std::string> meta;  // "key=value"
  std::string check_http;
  std::string check_tcp;
  std::string check_interval = "5s";
};
int service_list(const ApiOptions& options);
int service_register(const ServiceRegistration& options);
int service_deregister(const ServiceRegistration& options);

struct RouteOptions {
  ApiOptions api;  // an edge's admin address
  std::string url;
  std::string method = "GET";
  std::vector<std::string> headers;  // "Name: value"
  std::string entry_point;           // "": the edge's "web", or its first
  std::string client_ip = "127.0.0.1";
  std::string routes;  // a folder of routes files to ask instead of an edge
};
int route_list(const RouteOptions& options);
int route_explain(const RouteOptions& options);
int route_lint(const RouteOptions& options);

struct ConfigCheckOptions {
  std::string path = "conf/weir.toml";
  std::string routes;  // a folder of routes files to check too; "": the one the configuration names
};
int config_check(const ConfigCheckOptions& options);

int print_version();

/// What a shell may offer, made by cli.cc from its own tree.
struct OptionWords {
  std::vector<std::string> names;  // "-X", "--request"
  std::vector<std::string> choices;
  bool takes_value = false;
  std::string help;
};
struct CommandWords {
  std::string path;                // "job run"; "" is weir itself
  std::vector<std::string> words;  // its subcommands, or what its argument may be
  std::vector<OptionWords> options;
};
/// `shell`: bash, zsh or fish.
int print_completion(const std::string& shell, const std::vector<CommandWords>& commands);

}  // namespace weir::app
