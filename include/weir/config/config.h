#pragma once
// The edge's configuration: what `weir edge` is told. Every option is one row of the table in
// src/config/option_table.h; parsing, checks and conf/weir.toml come from that table. Values; no I/O.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/ip.h"
#include "weir/base/log.h"
#include "weir/base/result.h"

namespace weir::config {

/// A listening socket and its options.
struct EntryPointConfig {
  std::string name;
  SocketAddress address;                              // port 0: the kernel chooses
  std::vector<Cidr> forwarded_headers_trusted_cidrs;  // peers whose own X-Forwarded-* are believed
  bool tls = false;
  std::string tls_options;                         // of the TLS file, for names that no router asks other options for
  bool h2c = true;                                 // HTTP/2 by prior knowledge, beside HTTP/1.1; without TLS
  uint32_t http2_streams_max = 100;                // requests at once on one connection
  std::string redirect_to;                         // entry point that every request is sent to; "": none
  std::string redirect_scheme;                     // of that redirect
  bool redirect_permanent = true;                  // 301 and 308; else 302 and 307
  std::vector<Cidr> proxy_protocol_trusted_cidrs;  // peers that must send a PROXY header, and are believed
  uint32_t connections_max = 0;                    // at once, all workers together; 0: no limit of its own
  uint32_t connections_per_client_max = 0;         // at once, of one address; 0: no limit
};

enum class Consistency : uint8_t { standard, stale, consistent };

/// How the https addresses of a source are spoken to.
struct SourceTlsConfig {
  std::string ca_file;  // "": the system's
  std::string cert_file;
  std::string key_file;
  std::string server_name;  // "": the address's host
  bool insecure_skip_verify = false;
};

struct ConsulConfig {
  std::vector<std::string> addresses;  // URLs, tried in order; empty: this provider is off
  std::string token;
  std::string token_file;                // read again when it changes; "" none
  std::string datacenter;                // "": the agent's own
  std::vector<std::string> datacenters;  // in place of it: where a service has nobody live, the next one's serves
  uint32_t datacenter_stale_ms = 0;      // one of them that is unconfirmed for longer ranks behind the others; 0: never
  std::string name_space;                // of Consul Enterprise; "": none is named
  std::vector<std::string> tag_prefixes;  // "weir", "traefik"
  std::string fabio_tag_prefix;           // "urlprefix-"; "": fabio's tags are not read
  bool exposed_by_default = false;        // true: services without routing tags get a router by default_rule
  bool enable_required = false;           // true: routing tags count where there is <prefix>.enable=true only
  std::string default_rule;
  std::string constraints;                 // Traefik's expression over an instance's tags; "": all are read
  std::vector<std::string> strict_checks;  // the health that serves: "passing", "warning", "critical", "any"
  std::string fabio_matcher;               // of paths: "prefix", "iprefix", "glob"
  std::string fabio_checks_required;       // "one", "all", "none": then strict_checks decides
  std::vector<std::string> fabio_status;   // the status of a check that is good: "passing", …
  std::string conflicts;                   // "incumbent": one of them stays; "drop": none
  std::string unknown_fields;              // "object": what has one is dropped; "instance": all tags of the instance
  std::string empty_routes;              // "503": a route without live endpoints answers so; "absent": it is not there
  uint32_t tombstone_ms = 0;             // a route whose service is gone answers 503 this long; 0: not at all
  uint32_t panic_threshold_percent = 0;  // of a service's instances: when fewer are healthy all of them serve; 0: never
  bool connect_by_default = false;       // services are reached through Connect where no tag says otherwise
  std::string connect_service;           // our name in Consul Connect; "": it is not asked for certificates
  // Names in Consul that lead to this edge.
  std::string register_address;  // "10.0.0.5:80", ":80": the agent's own; "": nothing is registered
  std::string register_name;     // besides those that routes ask for; "": none
  std::vector<std::string> register_tags;
  std::string register_check_url;  // of an HTTP check besides the one that is renewed; "": none
  uint32_t register_check_interval_ms = 0;
  uint32_t register_check_timeout_ms = 0;
  bool register_check_insecure_skip_verify = false;
  SourceTlsConfig tls;
  Consistency consistency = Consistency::standard;
  uint32_t wait_s = 0;  // of a blocking query
};

/// Nomad's native services.
struct NomadConfig {
  std::vector<std::string> addresses;  // URLs, tried in order; empty: this provider is off
  std::string token;
  std::string token_file;                 // read again when it changes; "" none
  std::string name_space;                 // "": the token's own
  std::string region;                     // "": the server's own
  std::vector<std::string> tag_prefixes;  // "weir", "traefik"
  std::string fabio_tag_prefix;           // "urlprefix-"; "": fabio's tags are not read
  bool exposed_by_default = false;        // true: services without routing tags get a router by default_rule
  bool enable_required = false;           // true: routing tags count where there is <prefix>.enable=true only
  std::string default_rule;
  std::string constraints;               // Traefik's expression over an instance's tags; "": all are read
  std::string conflicts;                 // as for Consul
  std::string unknown_fields;            // as for Consul
  std::string empty_routes;              // as for Consul
  uint32_t tombstone_ms = 0;             // a route whose service is gone answers 503 this long; 0: not at all
  uint32_t panic_threshold_percent = 0;  // as for Consul
  SourceTlsConfig tls;
  bool stale = true;    // any server may answer
  uint32_t wait_s = 0;  // of a blocking query
};

/// A JSON document of Traefik's dynamic configuration.
struct HttpDocumentConfig {
  std::string endpoint;  // URL; "": this provider is off
  uint32_t interval_ms = 0;
  uint32_t timeout_ms = 0;
  std::vector<std::string> headers;  // "Name: value"
  SourceTlsConfig tls;
  uint32_t body_bytes_max = 0;
};

/// Routes in Consul's key-value store.
struct ConsulKvConfig {
  std::vector<std::string> addresses;  // URLs, tried in order; empty: this provider is off
  std::string token;
  std::string token_file;     // read again when it changes; "" none
  std::string datacenter;     // "": the agent's own
  std::string name_space;     // of Consul Enterprise; "": none is named
  std::string root_key;       // of Traefik's layout; "": not read
  std::string fabio_prefix;   // of the keys that hold route commands; "": not read
  std::string fabio_matcher;  // of paths: "prefix", "iprefix", "glob"
  SourceTlsConfig tls;
  Consistency consistency = Consistency::standard;
  uint32_t wait_s = 0;  // of a blocking query
};

struct FileConfig {
  std::string directory;  // of *.toml routes files; "": this provider is off
  bool watch = true;
};

enum class AccessLogFormat : uint8_t { off, common, combined, json };
/// Of HTTP statuses, both ends included.
struct StatusRange {
  uint16_t first = 0;
  uint16_t last = 0;
  /// "404" or "500-599".
  static Result<StatusRange> parse(std::string_view text);
  bool operator==(const StatusRange&) const = default;
};

enum class FieldMode : uint8_t { keep, drop, redact };

struct AccessLogConfig {
  AccessLogFormat format = AccessLogFormat::off;
  std::string path;  // "": standard output
  // A line is written when one of these three holds, or when none is set.
  std::vector<StatusRange> filter_statuses;
  uint32_t filter_duration_ms_min = 0;  // 0: not set
  bool filter_retried = false;
  uint32_t sample_percent = 0;                 // of what passed; answers of 500 and above always
  FieldMode fields_default = FieldMode::keep;  // of the json format
  std::vector<std::string> fields_kept;
  std::vector<std::string> fields_dropped;
  FieldMode headers_default = FieldMode::drop;
  std::vector<std::string> headers_kept;
  std::vector<std::string> headers_dropped;
  std::vector<std::string> headers_redacted;
  uint32_t queue_bytes_max = 0;  // formatted lines that wait for the disk, all workers together
};

/// More routers, services or endpoints than this are not counted one by one. 0: never.
struct MetricsConfig {
  uint32_t routers_max = 0;
  uint32_t services_max = 0;
  uint32_t endpoints_max = 0;
};

struct LogConfig {
  log::Level level = log::Level::info;
  log::Format format = log::Format::text;
};

struct LimitsConfig {
  uint32_t head_bytes_max = 0;                         // request line and headers, of requests and of responses
  uint32_t headers_max = 0;                            // header lines in one head
  uint32_t target_bytes_max = 0;                       // of a request
  uint32_t body_bytes_max = 0;                         // of a request; 0: no limit
  uint32_t connections_max = 0;                        // client connections at once, all workers together
  uint32_t requests_per_connection_max = 0;            // 0: no limit
  uint32_t upstream_idle_per_endpoint_max = 0;         // idle connections kept, per worker
  uint32_t upstream_connections_per_endpoint_max = 0;  // per worker; 0: no limit
  uint32_t pending_per_endpoint_max = 0;               // requests that wait for one of those, per worker
  uint32_t relay_buffer_bytes_max = 0;    // held for a side that reads slower than the other writes; then stop
  uint32_t compressions_max = 0;          // answers at once, per worker
  uint32_t request_bytes_per_s_min = 0;   // of a body whose answer has not begun; 0: any
  uint32_t response_bytes_per_s_min = 0;  // that a client takes of what waits for it; 0: any
};

/// All in milliseconds. 0 means "no limit" where the table allows it.
struct TimeoutsConfig {
  uint32_t head_ms = 0;                  // first byte of a request to the end of its head
  uint32_t body_idle_ms = 0;             // silence within a request's body
  uint32_t proxy_protocol_ms = 0;        // accept to the end of a PROXY header
  uint32_t tls_handshake_ms = 0;         // from accept to the end of the handshake
  uint32_t idle_ms = 0;                  // a client connection between two requests
  uint32_t pending_ms = 0;               // for one of an endpoint's connections, when all are in use
  uint32_t connect_ms = 0;               // to an endpoint
  uint32_t response_head_ms = 0;         // end of the request to the head of the response
  uint32_t response_idle_ms = 0;         // silence within a response's body
  uint32_t upgrade_idle_ms = 0;          // silence on an upgraded connection (WebSocket)
  uint32_t total_ms = 0;                 // the whole of a request and its response, but for upgraded ones
  uint32_t rate_window_ms = 0;           // over which the least rate of a request's body is looked at
  uint32_t response_rate_window_ms = 0;  // and that of a response
  uint32_t upstream_idle_ms = 0;         // an upstream connection without a request
  uint32_t drain_delay_ms = 0;           // SIGTERM: /ping answers 503 this long before connections are told to go
  uint32_t drain_ms = 0;                 // SIGTERM: time for requests in flight
};

/// The brake on mass removals: see design "Errors and silence never remove routes".
struct SafetyConfig {
  uint32_t mass_removal_share_percent = 0;  // removing more than this share at once is held; 100: no brake
  uint32_t mass_removal_count_min = 0;      // fewer endpoints than this at once are never held
  uint32_t hold_ms = 0;
  uint32_t last_good_age_ms_max = 0;  // what no source has confirmed for longer is not served from; 0: for ever
};

/// Active health checks: docs/routing.md.
struct HealthConfig {
  std::string new_endpoints;           // "probing": they serve where nobody is up, until a check has passed; "up"
  uint32_t concurrent_checks_max = 0;  // of all services
};

/// What all TLS has in common; certificates, options and transports are in `file`, which is read again while running.
struct TlsConfig {
  std::string file;                   // "": no certificate of one's own
  std::string ticket_key_file;        // "": keys of this process's own
  std::string ticket_key_consul_key;  // the same in Consul's key-value store; "": none
  bool ocsp_fetch = false;
  uint32_t ticket_rotation_s = 0;
  uint32_t handshakes_per_turn_max = 0;
  uint32_t expiry_warning_days = 0;
  std::string debug_keylog_file;
};

struct RetryConfig {
  uint32_t attempts_max = 0;    // further attempts after the first, each on another endpoint; 0: none
  std::vector<std::string> on;  // "closed", "timeout", "502", "503", "504": where a request may have been acted upon
  bool idempotent_methods = false;  // true: PUT and DELETE too, else only safe methods
  uint32_t budget_percent = 0;      // of a service's requests that may be such repetitions, per worker
  uint32_t budget_per_s_min = 0;    // that may be anyway
};

/// What is made of requests.
struct RequestsConfig {
  bool pass_unknown_methods = false;  // else 501
  std::string via;                    // this hop's name in Via; "": no Via is added
};

/// Answers that the edge gives by itself.
struct AnswersConfig {
  std::string text;            // the body: {status} and {reason} are filled in
  std::string content_type;    // of `text`
  std::string directory;       // of files "503.html" in place of it; "": none
  uint32_t retry_after_s = 0;  // with 503; 0: not said
};

/// What endpoints hear of the client, beyond what middlewares set.
struct ForwardingConfig {
  bool x_forwarded = true;  // X-Forwarded-* and X-Real-Ip
  bool forwarded = false;   // RFC 7239
};

struct Config {
  /// Every option at its default; no entry point.
  Config();

  std::vector<EntryPointConfig> entry_points;  // sorted by name
  std::optional<SocketAddress> admin_address;  // none: no admin API
  bool admin_tls = false;                      // it speaks TLS
  std::string admin_tls_options;               // of the TLS file
  uint32_t workers = 0;                        // 0: one per CPU
  std::string data_dir;                        // last good catalog; "": nothing is kept on disk
  ConsulConfig consul;
  ConsulKvConfig consul_kv;
  NomadConfig nomad;
  HttpDocumentConfig http;
  FileConfig file;
  LogConfig log;
  AccessLogConfig access_log;
  MetricsConfig metrics;
  LimitsConfig limits;
  TimeoutsConfig timeouts;
  SafetyConfig safety;
  HealthConfig health;
  RetryConfig retry;
  RequestsConfig requests;
  TlsConfig tls;
  AnswersConfig answers;
  ForwardingConfig forwarding;
};

/// One option from outside the file. Lists are split at commas.
struct Override {
  std::string key;    // "entrypoints.web.address"
  std::string value;  // "127.0.0.1:8080"
  std::string flag;   // "--entrypoint": the place that errors name
};

/// `config` holds what could be taken; use it only when `errors` is empty.
struct LoadOutcome {
  Config config;
  std::vector<Error> errors;
};

/// Reads a configuration and then the overrides (they win). Gives every error, not only the first, each with its place;
/// only a text that is no TOML at all gives one. Relative paths in the text are taken from the folder of `file_name`;
/// those in overrides stay as they are. Without any entry point there is one, "web" at 0.0.0.0:8080.
LoadOutcome load_config(std::string_view text, const std::string& file_name, std::span<const Override> overrides = {});

/// The text of conf/weir.toml.
std::string commented_config();

}  // namespace weir::config
