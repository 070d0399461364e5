#pragma once
// The job: what a user wants to run, in Nomad's words. Plain values; JSON names are the same in PascalCase.
//
// A job is "sparse" as written (fields may be missing) and "canonical" after canonicalize() in job_rules.h, which fills
// every Setting and every policy that its type has. The planner, the agent and the API only ever see canonical jobs.

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/scheduler/value.h"

namespace weir::scheduler {

/// A number or bool of which we must know whether the user gave it. Reads as its value; assignment marks it given.
/// Canonical jobs have every Setting given.
template <typename T>
class Setting {
 public:
  Setting() = default;
  Setting(T value) : value_(std::move(value)), given_(true) {}  // NOLINT(google-explicit-constructor)
  operator const T&() const { return value_; }                  // NOLINT(google-explicit-constructor)
  [[nodiscard]] const T& value() const { return value_; }
  [[nodiscard]] bool given() const { return given_; }
  void set_default(T value) {
    if (!given_) *this = Setting(std::move(value));
  }
  void set_default(const Setting& other) {
    if (!given_ && other.given_) *this = other;
  }
  friend bool operator==(const Setting&, const Setting&) = default;
  template <std::convertible_to<T> U>
  requires(!std::same_as<U, Setting>) friend bool operator==(const Setting& a, const U& b) {
    return a.value_ == static_cast<T>(b);
  }

 private:
  T value_{};
  bool given_ = false;
};

using TextMap = std::map<std::string, std::string>;

struct Constraint {
  std::string l_target;  // "${attr.kernel.name}"
  std::string r_target;
  std::string operand;  // "=", "!=", "regexp", "distinct_hosts", ...; canonical: never empty
  bool operator==(const Constraint&) const = default;
};

struct Affinity {
  std::string l_target;
  std::string r_target;
  std::string operand;
  Setting<int64_t> weight;  // -100..100, not 0; default 50
  bool operator==(const Affinity&) const = default;
};

struct SpreadTarget {
  std::string value;
  int64_t percent = 0;  // 0..100
  bool operator==(const SpreadTarget&) const = default;
};

struct Spread {
  std::string attribute;
  Setting<int64_t> weight;  // 0..100; default 50
  std::vector<SpreadTarget> targets;
  bool operator==(const Spread&) const = default;
};

struct Port {
  std::string label;
  int64_t value = 0;         // static port number; 0 in dynamic_ports
  int64_t to = 0;            // 0 = not given, -1 = same as the host port
  std::string host_network;  // canonical: "default"
  bool ignore_collision = false;
  bool operator==(const Port&) const = default;
};

struct DnsConfig {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
  bool operator==(const DnsConfig&) const = default;
};

struct NetworkResource {
  std::string mode;  // canonical: "host"
  std::string device;
  std::string cidr;
  std::string ip;
  std::string hostname;
  int64_t mbits = 0;  // legacy, ignored with a warning
  std::optional<DnsConfig> dns;
  std::vector<Port> reserved_ports;  // static
  std::vector<Port> dynamic_ports;
  bool operator==(const NetworkResource&) const = default;
};

struct Resources {
  Setting<int64_t> cpu_mhz;               // JSON "CPU"; default 100
  Setting<int64_t> cores;                 // refused when > 0
  Setting<int64_t> memory_mb;             // default 300
  Setting<int64_t> memory_max_mb;         // 0 = none; accepted with a warning
  std::vector<NetworkResource> networks;  // legacy: ports of one task
  bool operator==(const Resources&) const = default;
};

struct CheckRestart {
  int64_t limit = 0;
  Setting<int64_t> grace_ns;  // default 1 s
  bool ignore_warnings = false;
  bool operator==(const CheckRestart&) const = default;
};

struct ServiceCheck {
  std::string name;  // canonical: never empty
  std::string type;  // http | tcp | script | grpc
  std::string command;
  std::vector<std::string> args;
  std::string path;
  std::string protocol;    // "" = http
  std::string port_label;  // "" = the service's
  bool expose = false;
  std::string address_mode;
  std::string advertise;
  int64_t interval_ns = 0;
  int64_t timeout_ns = 0;
  std::string initial_status;
  std::string notes;
  std::string tls_server_name;
  bool tls_skip_verify = false;
  std::map<std::string, std::vector<std::string>> header;
  std::string method;
  std::string body;
  std::optional<CheckRestart> check_restart;
  std::string grpc_service;
  bool grpc_use_tls = false;
  std::string task_name;
  int64_t success_before_passing = 0;
  int64_t failures_before_critical = 0;
  int64_t failures_before_warning = 0;
  std::string on_update;
  bool operator==(const ServiceCheck&) const = default;
};

struct ServiceWeights {
  int64_t passing = 1;
  int64_t warning = 1;
  bool operator==(const ServiceWeights&) const = default;
};

/// Names, tags, meta and check texts may hold ${...}, replaced by the agent when it registers (task_env.h).
struct Service {
  std::string name;
  std::vector<std::string> tags;
  std::vector<std::string> canary_tags;
  bool enable_tag_override = false;
  std::string port_label;    // a label, a number, or ""
  std::string address_mode;  // canonical: auto | host | driver | alloc
  std::string address;
  std::vector<ServiceCheck> checks;
  std::optional<CheckRestart> check_restart;
  TextMap meta;
  TextMap canary_meta;
  TextMap tagged_addresses;
  std::string task_name;
  std::string on_update;  // canonical: require_healthy | ignore_warnings | ignore
  std::optional<ServiceWeights> weights;
  std::string provider;  // canonical: consul | nomad
  std::string cluster;   // canonical: "default"
  bool operator==(const Service&) const = default;
};

struct RestartPolicy {
  Setting<int64_t> attempts;
  Setting<int64_t> interval_ns;
  Setting<int64_t> delay_ns;
  std::string mode;  // fail | delay
  Setting<bool> render_templates;
  bool operator==(const RestartPolicy&) const = default;
};

struct ReschedulePolicy {
  Setting<int64_t> attempts;
  Setting<int64_t> interval_ns;
  Setting<int64_t> delay_ns;
  std::string delay_function;  // constant | exponential | fibonacci
  Setting<int64_t> max_delay_ns;
  Setting<bool> unlimited;
  bool operator==(const ReschedulePolicy&) const = default;
};

struct UpdateStrategy {
  Setting<int64_t> stagger_ns;
  Setting<int64_t> max_parallel;  // 0 = all at once, no deployment
  std::string health_check;       // checks | task_states | manual
  Setting<int64_t> min_healthy_time_ns;
  Setting<int64_t> healthy_deadline_ns;
  Setting<int64_t> progress_deadline_ns;  // 0 = the first unhealthy allocation fails the deployment
  Setting<int64_t> canary;
  Setting<bool> auto_revert;
  Setting<bool> auto_promote;
  bool operator==(const UpdateStrategy&) const = default;
};

struct MigrateStrategy {
  Setting<int64_t> max_parallel;
  std::string health_check;
  Setting<int64_t> min_healthy_time_ns;
  Setting<int64_t> healthy_deadline_ns;
  bool operator==(const MigrateStrategy&) const = default;
};

struct EphemeralDisk {
  Setting<bool> sticky;
  Setting<bool> migrate;
  Setting<int64_t> size_mb;  // default 300
  bool operator==(const EphemeralDisk&) const = default;
};

struct LogConfig {
  Setting<int64_t> max_files;         // default 10
  Setting<int64_t> max_file_size_mb;  // default 10
  Setting<bool> disabled;
  bool operator==(const LogConfig&) const = default;
};

struct Template {
  std::string source_path;
  std::string dest_path;
  std::string embedded_tmpl;
  std::string change_mode;  // canonical: noop | restart | signal | script
  std::string change_signal;
  Setting<int64_t> splay_ns;  // default 5 s
  std::string perms;          // canonical: "0644"
  std::string left_delim;     // canonical: "{{"
  std::string right_delim;
  Setting<bool> envvars;
  bool err_missing_key = false;
  bool operator==(const Template&) const = default;
};

struct Artifact {
  std::string getter_source;
  TextMap getter_options;
  TextMap getter_headers;
  std::string getter_mode;  // canonical: any | file | dir
  bool getter_insecure = false;
  std::string relative_dest;  // canonical: "local/"
  bool chown = false;
  bool operator==(const Artifact&) const = default;
};

struct VolumeMount {
  std::string volume;
  std::string destination;
  bool read_only = false;
  std::string propagation_mode;  // canonical: "private"
  bool operator==(const VolumeMount&) const = default;
};

struct Volume {
  std::string name;
  std::string type;  // "host"; csi is refused
  std::string source;
  bool read_only = false;
  std::string access_mode;
  std::string attachment_mode;
  bool per_alloc = false;
  bool operator==(const Volume&) const = default;
};

struct Lifecycle {
  std::string hook;  // prestart | poststart | poststop
  bool sidecar = false;
  bool operator==(const Lifecycle&) const = default;
};

struct Task {
  std::string name;
  std::string driver;
  std::string user;
  Value config = Value(Value::Object{});  // always an object
  TextMap env;
  TextMap meta;
  std::vector<Service> services;
  Resources resources;
  RestartPolicy restart_policy;      // canonical: the group's merged in
  Setting<int64_t> kill_timeout_ns;  // default 5 s
  std::string kill_signal;           // "" = the driver's default
  int64_t shutdown_delay_ns = 0;
  LogConfig log_config;
  std::vector<Template> templates;
  std::vector<Artifact> artifacts;
  std::vector<VolumeMount> volume_mounts;
  std::vector<Constraint> constraints;
  std::vector<Affinity> affinities;
  std::optional<Lifecycle> lifecycle;
  bool leader = false;
  bool operator==(const Task&) const = default;
};

struct Scaling {
  Setting<int64_t> min;
  Setting<int64_t> max;
  Setting<bool> enabled;
  std::string type;
  bool operator==(const Scaling&) const = default;
};

struct TaskGroup {
  std::string name;
  Setting<int64_t> count;
  std::vector<Task> tasks;
  std::vector<Constraint> constraints;
  std::vector<Affinity> affinities;
  std::vector<Spread> spreads;
  RestartPolicy restart_policy;
  std::optional<ReschedulePolicy> reschedule_policy;  // canonical: service and batch only
  EphemeralDisk ephemeral_disk;
  std::optional<UpdateStrategy> update;    // canonical: service; system if the user gave one (stagger, max_parallel)
  std::optional<MigrateStrategy> migrate;  // canonical: service only
  std::vector<NetworkResource> networks;   // at most one
  std::vector<Service> services;
  std::optional<int64_t> shutdown_delay_ns;
  std::optional<Scaling> scaling;
  std::map<std::string, Volume> volumes;
  TextMap meta;
  bool operator==(const TaskGroup&) const = default;

  [[nodiscard]] const Task* find_task(const std::string& task_name) const;
};

struct Job {
  std::string region;      // canonical: "global"
  std::string namespace_;  // JSON "Namespace"; canonical: "default"
  std::string id;
  std::string name;           // canonical: = id when not given
  std::string type;           // canonical: service | system | batch | sysbatch
  Setting<int64_t> priority;  // 1..100, default 50
  Setting<bool> all_at_once;
  std::optional<std::vector<std::string>> datacenters;  // canonical: given, ["*"] by default; globs
  std::string node_pool;                                // canonical: "default"
  std::vector<Constraint> constraints;
  std::vector<Affinity> affinities;
  std::vector<Spread> spreads;
  std::vector<TaskGroup> task_groups;
  std::optional<UpdateStrategy> update;        // canonical: merged into the groups
  std::optional<ReschedulePolicy> reschedule;  // canonical: merged into the groups
  std::optional<MigrateStrategy> migrate;      // canonical: merged into the groups
  TextMap meta;

  // Fields the server sets; ignored on input, not part of the specification (spec_changed in job_rules.h).
  bool stop = false;
  std::string status;  // pending | running | dead
  std::string status_description;
  bool stable = false;
  uint64_t version = 0;
  int64_t submit_time_ns = 0;  // Unix time
  uint64_t create_index = 0;
  uint64_t modify_index = 0;
  uint64_t job_modify_index = 0;

  /// JSON paths of parts the user wrote that we do not model ("TaskGroups[0].Tasks[1].Vault"): filled by the readers
  /// (jobspec, job_json), judged by validate(), which refuses or warns. JSON carries it as "NotModelled".
  std::vector<std::string> not_modelled;

  bool operator==(const Job&) const = default;

  [[nodiscard]] const TaskGroup* find_group(const std::string& group_name) const;
};

}  // namespace weir::scheduler
