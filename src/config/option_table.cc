#include "config/option_table.h"

#include <limits>

#include "weir/base/text.h"

namespace weir::config {

namespace {

constexpr uint32_t kDay_ms = 86'400'000;
constexpr uint32_t kMebibyte = 1024 * 1024;
constexpr uint32_t kAnyNumber = std::numeric_limits<uint32_t>::max();

// Rows that say the same thing shorter: a text, a list, a number with its limits, one of some words.
#define SLOT(field) [](Config& c, EntryPointConfig&) -> Slot { return &c.field; }
#define ENTRY_SLOT(field) [](Config&, EntryPointConfig& e) -> Slot { return &e.field; }

constexpr Option number(std::string_view key, std::string_view fallback, uint32_t min, uint32_t max,
                        std::string_view help, Slot (*slot)(Config&, EntryPointConfig&)) {
  return {key, fallback, "", min, max, Shape::any, "", help, slot};
}
constexpr Option value(std::string_view key, std::string_view fallback, std::string_view shipped, Shape shape,
                       std::string_view help, Slot (*slot)(Config&, EntryPointConfig&)) {
  return {key, fallback, shipped, 0, 0, shape, "", help, slot};
}
constexpr Option choice(std::string_view key, std::string_view fallback, std::string_view choices,
                        std::string_view help, Slot (*slot)(Config&, EntryPointConfig&)) {
  return {key, fallback, "", 0, 0, Shape::one_of, choices, help, slot};
}

const Option kOptions[] = {
    number("workers", "0", 0, 256, "Threads that serve requests, each with its own loop and listeners. 0: one per CPU.",
           SLOT(workers)),
    value("data_dir", "\"\"", "", Shape::path,
          "Folder for the last good catalog, from which the edge serves when it starts while the registry is down. "
          "Empty: nothing is kept on disk. In production: \"/var/lib/weir\".",
          SLOT(data_dir)),
    value("entrypoints.*.address", "", "\"0.0.0.0:8080\"", Shape::any,
          "Where this entry point listens, as ip:port. \":8080\" and \"[::]:8080\": every address, of IPv4 and IPv6; "
          "\"0.0.0.0:8080\": those of IPv4 alone. Port 0: the kernel chooses.",
          ENTRY_SLOT(address)),
    value("entrypoints.*.forwarded_headers_trusted_cidrs", "[]", "", Shape::any,
          "Networks whose own X-Forwarded-* and X-Real-Ip headers are believed and extended, such as the load "
          "balancer's: [\"10.0.0.0/8\"]. From everybody else they are replaced.",
          ENTRY_SLOT(forwarded_headers_trusted_cidrs)),
    value("entrypoints.*.tls", "false", "", Shape::any,
          "true: clients speak TLS here. Certificates are in tls.file; without one, a self-signed one answers.",
          ENTRY_SLOT(tls)),
    value("entrypoints.*.tls_options", "\"default\"", "", Shape::any,
          "The [tls.options.<name>] of tls.file for hosts whose routers name no other.", ENTRY_SLOT(tls_options)),
    value("entrypoints.*.redirect_to", "\"\"", "", Shape::any,
          "Every request is answered with a redirect to the same host and path on this entry point. Empty: none.",
          ENTRY_SLOT(redirect_to)),
    value("entrypoints.*.redirect_scheme", "\"https\"", "", Shape::any, "The scheme of redirect_to's answers.",
          ENTRY_SLOT(redirect_scheme)),
    value("entrypoints.*.redirect_permanent", "true", "", Shape::any,
          "redirect_to answers 301, or 308 where the method must stay; false: 302 and 307.",
          ENTRY_SLOT(redirect_permanent)),
    value(
        "entrypoints.*.proxy_protocol_trusted_cidrs", "[]", "", Shape::any,
        "Networks of proxies that send a PROXY header, version 1 or 2, before everything else. A connection from there "
        "without a good one is closed; from everywhere else the header is no HTTP. Empty: nobody sends it.",
        ENTRY_SLOT(proxy_protocol_trusted_cidrs)),
    number("entrypoints.*.connections_max", "0", 0, 10'000'000,
           "Client connections at once to this entry point, all workers together. More are closed at once. 0: only "
           "limits.connections_max counts.",
           ENTRY_SLOT(connections_max)),
    number(
        "entrypoints.*.connections_per_client_max", "0", 0, 10'000'000,
        "Client connections at once from one address (IPv6: one /64), as the PROXY header has it where there is one. "
        "More are closed at once. Not behind a load balancer without PROXY headers. 0: no limit.",
        ENTRY_SLOT(connections_per_client_max)),
    value("entrypoints.*.h2c", "true", "", Shape::any,
          "Speak HTTP/2 with clients that begin with its preface on a plain connection (prior knowledge). An HTTP/1.1 "
          "Upgrade to h2c is never taken.",
          ENTRY_SLOT(h2c)),
    number("entrypoints.*.http2_streams_max", "100", 1, 10'000,
           "Requests at once on one HTTP/2 connection. More are refused.", ENTRY_SLOT(http2_streams_max)),
    value("admin.address", "\"127.0.0.1:8081\"", "", Shape::any,
          "Where /ping, /ready, /metrics and the JSON API under /api answer. Not for the public. Empty: nowhere.",
          SLOT(admin_address)),
    value("admin.tls", "false", "", Shape::any, "true: clients speak TLS here, with the certificates of tls.file.",
          SLOT(admin_tls)),
    value("admin.tls_options", "\"default\"", "", Shape::any,
          "The [tls.options.<name>] of tls.file that hold here: one with clientAuth lets nobody in without a "
          "certificate.",
          SLOT(admin_tls_options)),
    value("providers.consul.addresses", "[]", "[\"http://127.0.0.1:8500\"]", Shape::url,
          "Agents of a Consul-compatible registry, tried in this order. Empty: no registry is watched.",
          SLOT(consul.addresses)),
    value("providers.consul.token", "\"\"", "", Shape::any, "ACL token. Better kept in a file: token_file.",
          SLOT(consul.token)),
    value("providers.consul.token_file", "\"\"", "", Shape::path,
          "File with the ACL token, read again when it changes. Not together with token.", SLOT(consul.token_file)),
    value("providers.consul.tls_ca_file", "\"\"", "", Shape::path,
          "PEM file of the CAs that https addresses are checked against. Empty: the system's.",
          SLOT(consul.tls.ca_file)),
    value("providers.consul.tls_cert_file", "\"\"", "", Shape::path,
          "PEM file of the certificate that is shown to a registry that asks for one. Empty: none.",
          SLOT(consul.tls.cert_file)),
    value("providers.consul.tls_key_file", "\"\"", "", Shape::path, "PEM file of its key.", SLOT(consul.tls.key_file)),
    value("providers.consul.tls_server_name", "\"\"", "", Shape::any,
          "The name in the registry's certificate, such as \"server.dc1.consul\". Empty: the address's host.",
          SLOT(consul.tls.server_name)),
    value("providers.consul.tls_insecure_skip_verify", "false", "", Shape::any,
          "true: take any certificate of the registry. Whoever is in between can then route everything anywhere.",
          SLOT(consul.tls.insecure_skip_verify)),
    value("providers.consul.connect_service", "\"\"", "", Shape::any,
          "The name of this edge in Consul Connect. Its certificate is what transports with connectService show, and "
          "what "
          "services tagged <prefix>.consulcatalog.connect=true are spoken to with. Empty: none is asked for.",
          SLOT(consul.connect_service)),
    value("providers.consul.connect_by_default", "false", "", Shape::any,
          "true: every service is reached through Consul Connect unless it is tagged "
          "<prefix>.consulcatalog.connect=false.",
          SLOT(consul.connect_by_default)),
    value("providers.consul.datacenter", "\"\"", "", Shape::any, "Datacenter to watch. Empty: the agent's own.",
          SLOT(consul.datacenter)),
    value("providers.consul.datacenters", "[]", "", Shape::any,
          "Datacenters to watch, in this order: a service is served from the first that has a live instance of it. In "
          "place of datacenter.",
          SLOT(consul.datacenters)),
    number("providers.consul.datacenter_stale_ms", "30000", 0, kDay_ms,
           "A datacenter that could not be read for so long comes behind the others, where they have a live instance, "
           "until it answers again. 0: never.",
           SLOT(consul.datacenter_stale_ms)),
    value("providers.consul.namespace", "\"\"", "", Shape::any, "Namespace of Consul Enterprise. Empty: none is named.",
          SLOT(consul.name_space)),
    value("providers.consul.tag_prefixes", "[\"weir\", \"traefik\"]", "", Shape::any,
          "A service tag <prefix>.http.routers.<name>.rule=... makes a route. Where two prefixes set the same field, "
          "the first of this list wins.",
          SLOT(consul.tag_prefixes)),
    value("providers.consul.fabio_tag_prefix", "\"urlprefix-\"", "", Shape::any,
          "A service tag <prefix>host/path makes a route, as fabio reads it. Empty: such tags are not read.",
          SLOT(consul.fabio_tag_prefix)),
    value("providers.consul.exposed_by_default", "false", "", Shape::any,
          "true: a service without routing tags gets a route too, by default_rule, unless it is tagged "
          "<prefix>.enable=false.",
          SLOT(consul.exposed_by_default)),
    value("providers.consul.enable_required", "false", "", Shape::any,
          "true: routing tags of Traefik's grammar count only where there is <prefix>.enable=true beside them, as in "
          "Traefik with exposedByDefault = false.",
          SLOT(consul.enable_required)),
    value(
        "providers.consul.default_rule", "'Host(`{{ normalize .Name }}`)'", "", Shape::any,
        "The rule of a route that has none of its own: a template as Traefik's. {{ .Name }} is the service's name, "
        "{{ normalize .Name }} the same with everything but letters and digits turned into -, "
        "{{ index .Labels \"traefik.x\" }} the value of a tag; see docs/routing.md. Empty: only what has a rule of its "
        "own is routed.",
        SLOT(consul.default_rule)),
    value("providers.consul.constraints", "\"\"", "", Shape::any,
          "Which instances are read, by their tags: Tag(`a`) and TagRegex(`^a`) joined by && and ||, negated by !. "
          "Empty: all.",
          SLOT(consul.constraints)),
    {"providers.consul.strict_checks", "[\"passing\", \"warning\"]", "", 0, 0, Shape::one_of,
     "passing|warning|critical|any",
     "The health of an instance that lets it serve. Others stay known but get no request. An instance in maintenance "
     "never serves.",
     SLOT(consul.strict_checks)},
    choice("providers.consul.fabio_matcher", "\"prefix\"", "prefix|iprefix|glob",
           "How fabio's tags match a path: as its beginning, the same in any case, or as a pattern with * and ?.",
           SLOT(consul.fabio_matcher)),
    choice("providers.consul.fabio_checks_required", "\"one\"", "one|all|none",
           "Which checks of an instance must be good before fabio's tags route to it; one without checks never serves. "
           "none: strict_checks decides, as for other tags.",
           SLOT(consul.fabio_checks_required)),
    {"providers.consul.fabio_status", "[\"passing\"]", "", 0, 0, Shape::one_of, "passing|warning|critical|any",
     "The status of a check that is good for fabio's tags.", SLOT(consul.fabio_status)},
    choice(
        "providers.consul.conflicts", "\"incumbent\"", "incumbent|drop",
        "When instances or services define one name differently: the version of most instances that may serve, or of "
        "the service that was there first, stays and the others are reported; or, as in Traefik, none is routed.",
        SLOT(consul.conflicts)),
    choice(
        "providers.consul.unknown_fields", "\"object\"", "object|instance",
        "What a tag that cannot be read drops: the router, service or middleware it belongs to; or, as in Traefik, the "
        "whole instance.",
        SLOT(consul.unknown_fields)),
    choice("providers.consul.empty_routes", "\"503\"", "503|absent",
           "A route whose instances all fail their checks answers 503; or, as in Traefik and fabio, is not there, and "
           "its requests go to the next route that matches or get 404.",
           SLOT(consul.empty_routes)),
    number(
        "providers.consul.tombstone_ms", "600000", 0, kDay_ms,
        "A route whose service has no instance any more answers 503 this long, unless another one takes its rule. 0: "
        "it is gone at once.",
        SLOT(consul.tombstone_ms)),
    number("providers.consul.panic_threshold_percent", "0", 0, 100,
           "When fewer of a service's instances are healthy than this share, all of them serve, the others too: when "
           "everything seems down at once it is more often the checks. Those in maintenance never do. 0: never.",
           SLOT(consul.panic_threshold_percent)),
    choice("providers.consul.consistency", "\"default\"", "default|stale|consistent",
           "Consistency of reads: stale lets any server answer, consistent asks the leader to make sure.",
           SLOT(consul.consistency)),
    number("providers.consul.wait_s", "60", 1, 600,
           "Longest wait of a blocking query. A registry that has gone silent is noticed after this and a little more.",
           SLOT(consul.wait_s)),
    value("providers.consul.register_address", "\"\"", "", Shape::any,
          "Where others reach this edge, as host:port, or :port for the agent's own address. Names that lead there are "
          "then kept in Consul: those that fabio's tags ask for (register=<name>) and register_name. Empty: none.",
          SLOT(consul.register_address)),
    value("providers.consul.register_name", "\"\"", "", Shape::any,
          "A name of the edge itself, kept while it runs. Empty: only those of tags.", SLOT(consul.register_name)),
    value("providers.consul.register_tags", "[]", "", Shape::any, "Tags of all these registrations.",
          SLOT(consul.register_tags)),
    value("providers.consul.register_check_url", "\"\"", "", Shape::any,
          "URL that the agent asks too, such as http://10.0.0.5:8081/ready: a name is healthy while the edge lives and "
          "this answers. Empty: while it lives.",
          SLOT(consul.register_check_url)),
    number("providers.consul.register_check_interval_ms", "1000", 100, kDay_ms, "How often the agent asks it.",
           SLOT(consul.register_check_interval_ms)),
    number("providers.consul.register_check_timeout_ms", "3000", 1, kDay_ms, "How long it waits for the answer.",
           SLOT(consul.register_check_timeout_ms)),
    value("providers.consul.register_check_insecure_skip_verify", "false", "", Shape::any,
          "true: the agent takes any certificate there.", SLOT(consul.register_check_insecure_skip_verify)),
    value("providers.consulkv.addresses", "[]", "", Shape::url,
          "Consul whose key-value store holds routes, in Traefik's layout and as fabio's commands. Addresses are tried "
          "in order. Empty: the store is not read.",
          SLOT(consul_kv.addresses)),
    value("providers.consulkv.token", "\"\"", "", Shape::any, "ACL token. Better kept in a file: token_file.",
          SLOT(consul_kv.token)),
    value("providers.consulkv.token_file", "\"\"", "", Shape::path,
          "File with the ACL token, read again when it changes. Not together with token.", SLOT(consul_kv.token_file)),
    value("providers.consulkv.tls_ca_file", "\"\"", "", Shape::path,
          "PEM file of the CAs that https addresses are checked against. Empty: the system's.",
          SLOT(consul_kv.tls.ca_file)),
    value("providers.consulkv.tls_cert_file", "\"\"", "", Shape::path,
          "PEM file of the certificate that is shown to a store that asks for one. Empty: none.",
          SLOT(consul_kv.tls.cert_file)),
    value("providers.consulkv.tls_key_file", "\"\"", "", Shape::path, "PEM file of its key.",
          SLOT(consul_kv.tls.key_file)),
    value("providers.consulkv.tls_server_name", "\"\"", "", Shape::any,
          "The name in the store's certificate, such as \"server.dc1.consul\". Empty: the address's host.",
          SLOT(consul_kv.tls.server_name)),
    value("providers.consulkv.tls_insecure_skip_verify", "false", "", Shape::any,
          "true: take any certificate of the store. Whoever is in between can then route everything anywhere.",
          SLOT(consul_kv.tls.insecure_skip_verify)),
    value("providers.consulkv.datacenter", "\"\"", "", Shape::any, "Datacenter to read. Empty: the agent's own.",
          SLOT(consul_kv.datacenter)),
    value("providers.consulkv.namespace", "\"\"", "", Shape::any,
          "Namespace of Consul Enterprise. Empty: none is named.", SLOT(consul_kv.name_space)),
    value("providers.consulkv.root_key", "\"traefik\"", "", Shape::any,
          "Where keys of Traefik's layout begin, such as traefik/http/routers/web/rule. Empty: they are not read.",
          SLOT(consul_kv.root_key)),
    value("providers.consulkv.fabio_prefix", "\"fabio/config\"", "", Shape::any,
          "Key, and beginning of keys, that hold fabio's route commands. Empty: they are not read.",
          SLOT(consul_kv.fabio_prefix)),
    choice("providers.consulkv.fabio_matcher", "\"prefix\"", "prefix|iprefix|glob",
           "How route commands match paths: a beginning, the same in any case, or a pattern. fabio's proxy.matcher.",
           SLOT(consul_kv.fabio_matcher)),
    choice("providers.consulkv.consistency", "\"default\"", "default|stale|consistent",
           "How fresh answers must be: stale lets any server answer.", SLOT(consul_kv.consistency)),
    number("providers.consulkv.wait_s", "60", 1, 600,
           "How long the store may hold a query that has nothing new, in seconds.", SLOT(consul_kv.wait_s)),
    value("providers.nomad.addresses", "[]", "", Shape::url,
          "Nomad whose native services are routed, tried in order. Empty: Nomad is not asked.", SLOT(nomad.addresses)),
    value("providers.nomad.token", "\"\"", "", Shape::any, "ACL token. Better kept in a file: token_file.",
          SLOT(nomad.token)),
    value("providers.nomad.token_file", "\"\"", "", Shape::path,
          "File with the ACL token, read again when it changes. Not together with token.", SLOT(nomad.token_file)),
    value("providers.nomad.tls_ca_file", "\"\"", "", Shape::path,
          "PEM file of the CAs that https addresses are checked against. Empty: the system's.",
          SLOT(nomad.tls.ca_file)),
    value("providers.nomad.tls_cert_file", "\"\"", "", Shape::path,
          "PEM file of the certificate that is shown to a server that asks for one. Empty: none.",
          SLOT(nomad.tls.cert_file)),
    value("providers.nomad.tls_key_file", "\"\"", "", Shape::path, "PEM file of its key.", SLOT(nomad.tls.key_file)),
    value("providers.nomad.tls_server_name", "\"\"", "", Shape::any,
          "The name in the server's certificate, such as \"server.global.nomad\". Empty: the address's host.",
          SLOT(nomad.tls.server_name)),
    value("providers.nomad.tls_insecure_skip_verify", "false", "", Shape::any,
          "true: take any certificate of the server. Whoever is in between can then route everything anywhere.",
          SLOT(nomad.tls.insecure_skip_verify)),
    value("providers.nomad.namespace", "\"\"", "", Shape::any, "Namespace of the services. Empty: \"default\".",
          SLOT(nomad.name_space)),
    value("providers.nomad.region", "\"\"", "", Shape::any, "Region to ask. Empty: the server's own.",
          SLOT(nomad.region)),
    value("providers.nomad.tag_prefixes", "[\"weir\", \"traefik\"]", "", Shape::any,
          "What routing tags begin with, as for Consul. Where two set the same thing the first wins.",
          SLOT(nomad.tag_prefixes)),
    value("providers.nomad.fabio_tag_prefix", "\"urlprefix-\"", "", Shape::any,
          "What fabio's routing tags begin with. Empty: they are not read.", SLOT(nomad.fabio_tag_prefix)),
    value("providers.nomad.exposed_by_default", "false", "", Shape::any,
          "Route services that carry no routing tag, by default_rule.", SLOT(nomad.exposed_by_default)),
    value("providers.nomad.enable_required", "false", "", Shape::any,
          "true: routing tags count only beside <prefix>.enable=true, as for Consul.", SLOT(nomad.enable_required)),
    value("providers.nomad.default_rule", "'Host(`{{ normalize .Name }}`)'", "", Shape::any,
          "Rule of services whose tags give none. Empty: they are not routed.", SLOT(nomad.default_rule)),
    value("providers.nomad.constraints", "\"\"", "", Shape::any, "Which services are read, as for Consul. Empty: all.",
          SLOT(nomad.constraints)),
    choice("providers.nomad.conflicts", "\"incumbent\"", "incumbent|drop", "As for Consul.", SLOT(nomad.conflicts)),
    choice("providers.nomad.unknown_fields", "\"object\"", "object|instance", "As for Consul.",
           SLOT(nomad.unknown_fields)),
    choice("providers.nomad.empty_routes", "\"503\"", "503|absent", "As for Consul.", SLOT(nomad.empty_routes)),
    number("providers.nomad.panic_threshold_percent", "0", 0, 100, "As for Consul.",
           SLOT(nomad.panic_threshold_percent)),
    number("providers.nomad.tombstone_ms", "600000", 0, kDay_ms,
           "A route whose service is gone answers 503 this long. 0: it is gone at once.", SLOT(nomad.tombstone_ms)),
    value("providers.nomad.stale", "true", "", Shape::any, "Let any server answer, not only the leader.",
          SLOT(nomad.stale)),
    number("providers.nomad.wait_s", "60", 1, 600, "How long Nomad may hold a query that has nothing new, in seconds.",
           SLOT(nomad.wait_s)),
    value("providers.http.endpoint", "\"\"", "", Shape::any,
          "URL of a JSON document of Traefik's dynamic configuration, asked for again and again. Empty: none.",
          SLOT(http.endpoint)),
    number("providers.http.interval_ms", "5000", 100, kDay_ms, "How often the document is asked for.",
           SLOT(http.interval_ms)),
    number("providers.http.timeout_ms", "5000", 10, kDay_ms, "From asking to the last byte of the document.",
           SLOT(http.timeout_ms)),
    value("providers.http.headers", "[]", "", Shape::any,
          "Header fields that are sent with every request: [\"Authorization: Bearer abc\"].", SLOT(http.headers)),
    value("providers.http.tls_ca_file", "\"\"", "", Shape::path,
          "PEM file of the CAs that https addresses are checked against. Empty: the system's.", SLOT(http.tls.ca_file)),
    value("providers.http.tls_cert_file", "\"\"", "", Shape::path,
          "PEM file of the certificate that is shown to a server that asks for one. Empty: none.",
          SLOT(http.tls.cert_file)),
    value("providers.http.tls_key_file", "\"\"", "", Shape::path, "PEM file of its key.", SLOT(http.tls.key_file)),
    value("providers.http.tls_server_name", "\"\"", "", Shape::any,
          "The name in the server's certificate, such as \"config.internal\". Empty: the address's host.",
          SLOT(http.tls.server_name)),
    value("providers.http.tls_insecure_skip_verify", "false", "", Shape::any,
          "true: take any certificate of the server. Whoever is in between can then route everything anywhere.",
          SLOT(http.tls.insecure_skip_verify)),
    number("providers.http.body_bytes_max", "16777216", 1024, 1024 * kMebibyte,
           "A longer document is not read, and the last good one stays.", SLOT(http.body_bytes_max)),
    value("providers.file.directory", "\"\"", "\"routes.d\"", Shape::path,
          "Folder of routes files, *.toml. Empty: none are read.", SLOT(file.directory)),
    value("providers.file.watch", "true", "", Shape::any, "Apply changes of routes files while running.",
          SLOT(file.watch)),
    choice("log.level", "\"info\"", "trace|debug|info|warn|error|off", "The least that is logged, to standard error.",
           SLOT(log.level)),
    choice("log.format", "\"text\"", "text|json", "How a log line is written.", SLOT(log.format)),
    choice(
        "access_log.format", "\"off\"", "off|common|combined|json",
        "One line a request. common: as Traefik writes it, with router, endpoint and duration. combined: nginx's and "
        "Apache's. docs/observability.md has every field.",
        SLOT(access_log.format)),
    value("access_log.path", "\"\"", "", Shape::path,
          "File of the access log, opened again at SIGUSR1. Empty: standard output.", SLOT(access_log.path)),
    value("access_log.filter_statuses", "[]", "", Shape::any,
          "A line is written where the status is one of these, such as [\"404\", \"500-599\"], or where another filter "
          "says so. Without any filter every request has its line.",
          SLOT(access_log.filter_statuses)),
    number("access_log.filter_duration_ms_min", "0", 0, kDay_ms,
           "A line is written where the request took at least this long. 0: no such filter.",
           SLOT(access_log.filter_duration_ms_min)),
    value("access_log.filter_retried", "false", "", Shape::any,
          "A line is written where the request was sent to a second endpoint. false: no such filter.",
          SLOT(access_log.filter_retried)),
    number("access_log.sample_percent", "100", 1, 100,
           "Of the lines that pass the filters so many are written, evenly; answers of 500 and above always.",
           SLOT(access_log.sample_percent)),
    choice("access_log.fields_default", "\"keep\"", "keep|drop", "Fields of a json line that are not named below.",
           SLOT(access_log.fields_default)),
    value("access_log.fields_kept", "[]", "", Shape::any, "Fields of a json line that are written.",
          SLOT(access_log.fields_kept)),
    value("access_log.fields_dropped", "[]", "", Shape::any, "Fields of a json line that are left out.",
          SLOT(access_log.fields_dropped)),
    choice("access_log.headers_default", "\"drop\"", "keep|drop|redact",
           "Header fields in a json line that are not named below. redact: the name, with the value REDACTED.",
           SLOT(access_log.headers_default)),
    value("access_log.headers_kept", "[\"Referer\", \"User-Agent\"]", "", Shape::any,
          "Header fields that are written into a json line.", SLOT(access_log.headers_kept)),
    value("access_log.headers_dropped", "[]", "", Shape::any, "Header fields that are left out.",
          SLOT(access_log.headers_dropped)),
    value("access_log.headers_redacted", "[]", "", Shape::any, "Header fields that are written without their value.",
          SLOT(access_log.headers_redacted)),
    number(
        "access_log.queue_bytes_max", "16777216", 131072, 1024 * kMebibyte,
        "Bytes of lines that may wait for the disk, all workers together. What comes while it is full is dropped and "
        "counted; serving never waits.",
        SLOT(access_log.queue_bytes_max)),
    number("metrics.routers_max", "10000", 0, kAnyNumber,
           "With more routers than this, requests are not counted by router. 0: never by router.",
           SLOT(metrics.routers_max)),
    number("metrics.services_max", "10000", 0, kAnyNumber, "The same for services.", SLOT(metrics.services_max)),
    number("metrics.endpoints_max", "10000", 0, kAnyNumber, "The same for endpoints.", SLOT(metrics.endpoints_max)),
    number("limits.head_bytes_max", "32768", 1024, 65536,
           "Bytes of a request's or response's first line and headers together. More: 431, or 502 for a response.",
           SLOT(limits.head_bytes_max)),
    number("limits.headers_max", "100", 10, 1000, "Header lines in a head. More: 431, or 502 for a response.",
           SLOT(limits.headers_max)),
    number("limits.target_bytes_max", "16384", 64, 65536, "Bytes of a request's target (path and query). More: 414.",
           SLOT(limits.target_bytes_max)),
    number("limits.body_bytes_max", "0", 0, kAnyNumber,
           "Bytes of a request's body, whether it says its length or not. More: 413. 0: no limit.",
           SLOT(limits.body_bytes_max)),
    number("limits.connections_max", "16384", 1, 10'000'000,
           "Client connections at once, all workers together. More are closed at once.", SLOT(limits.connections_max)),
    number("limits.requests_per_connection_max", "0", 0, kAnyNumber,
           "Requests on one client connection before it is closed. 0: no limit.",
           SLOT(limits.requests_per_connection_max)),
    number("limits.upstream_idle_per_endpoint_max", "64", 0, 65536,
           "Idle upstream connections each worker keeps for one endpoint. 0: none, a new one for each request.",
           SLOT(limits.upstream_idle_per_endpoint_max)),
    number("limits.upstream_connections_per_endpoint_max", "0", 0, 65536,
           "Connections of each worker to one endpoint. When all are in use a request goes to another endpoint, and "
           "where there is none it waits. 0: no limit.",
           SLOT(limits.upstream_connections_per_endpoint_max)),
    number("limits.pending_per_endpoint_max", "256", 0, 65536,
           "Requests of each worker that wait for a connection to one endpoint. More: 503.",
           SLOT(limits.pending_per_endpoint_max)),
    number("limits.relay_buffer_bytes_max", "262144", 16384, 64 * kMebibyte,
           "Bytes held in one direction of one request while the reading side is slower than the writing side. At "
           "this limit the writing side is stopped until it has gone.",
           SLOT(limits.relay_buffer_bytes_max)),
    number("limits.compressions_max", "256", 0, 65536,
           "Answers of each worker that a compress middleware makes smaller at once, at up to 2 MB each. More pass as "
           "they are.",
           SLOT(limits.compressions_max)),
    number("limits.request_bytes_per_s_min", "100", 0, kMebibyte,
           "Bytes a second, over timeouts.rate_window_ms, that a client must send of a request's body until the "
           "response begins. Fewer: 408. 0: any rate.",
           SLOT(limits.request_bytes_per_s_min)),
    number("limits.response_bytes_per_s_min", "100", 0, kMebibyte,
           "Bytes a second, over timeouts.response_rate_window_ms, that a client must take of a response that "
           "waits for it. Fewer: the connection is cut. 0: any rate.",
           SLOT(limits.response_bytes_per_s_min)),
    number("timeouts.head_ms", "10000", 100, kDay_ms,
           "From the first byte of a request to the end of its headers; and from accept to the first byte. Then 408.",
           SLOT(timeouts.head_ms)),
    number("timeouts.proxy_protocol_ms", "3000", 100, kDay_ms,
           "From accept to the end of a PROXY header, where one must come. Then the connection is closed.",
           SLOT(timeouts.proxy_protocol_ms)),
    number("timeouts.body_idle_ms", "60000", 0, kDay_ms, "Silence within a request's body. Then 408. 0: no limit.",
           SLOT(timeouts.body_idle_ms)),
    number("timeouts.tls_handshake_ms", "10000", 100, kDay_ms,
           "From accept to the end of the TLS handshake. Then the connection is closed.",
           SLOT(timeouts.tls_handshake_ms)),
    number("timeouts.idle_ms", "180000", 100, kDay_ms,
           "A client connection between two requests. Longer than the idle time of the load balancer in front.",
           SLOT(timeouts.idle_ms)),
    number("timeouts.pending_ms", "1000", 1, kDay_ms,
           "How long a request waits for one of an endpoint's connections when all are in use. Then 503.",
           SLOT(timeouts.pending_ms)),
    number("timeouts.connect_ms", "3000", 10, kDay_ms,
           "To connect to an endpoint. Then another endpoint is tried, or 504.", SLOT(timeouts.connect_ms)),
    number("timeouts.response_head_ms", "60000", 0, kDay_ms,
           "From the end of a request to the headers of its response. Then 504. 0: no limit.",
           SLOT(timeouts.response_head_ms)),
    number("timeouts.response_idle_ms", "300000", 0, kDay_ms,
           "Silence within a response's body. Then the connection is cut. 0: no limit.",
           SLOT(timeouts.response_idle_ms)),
    number("timeouts.upgrade_idle_ms", "3600000", 0, kDay_ms,
           "Silence in both directions of an upgraded connection, such as a WebSocket. 0: no limit.",
           SLOT(timeouts.upgrade_idle_ms)),
    number("timeouts.total_ms", "0", 0, kDay_ms,
           "A whole request with its response, upgraded connections excepted. Then 504, or the connection is cut where "
           "the response has begun. 0: no limit.",
           SLOT(timeouts.total_ms)),
    number("timeouts.rate_window_ms", "10000", 1000, 600'000,
           "How long a client is watched before it is held to limits.request_bytes_per_s_min.",
           SLOT(timeouts.rate_window_ms)),
    number("timeouts.response_rate_window_ms", "60000", 1000, 3'600'000,
           "How long a client that reads slowly is watched before it is held to limits.response_bytes_per_s_min. One "
           "that stops reading, such as a paused player, is cut after this long at the earliest and twice as long at "
           "the latest.",
           SLOT(timeouts.response_rate_window_ms)),
    number("timeouts.upstream_idle_ms", "30000", 0, kDay_ms,
           "An upstream connection without a request. Shorter than the services' own keep-alive time.",
           SLOT(timeouts.upstream_idle_ms)),
    number("timeouts.drain_delay_ms", "0", 0, kDay_ms,
           "After SIGTERM: /ping answers 503 this long while everything else goes on, so that the load balancer in "
           "front looks elsewhere first.",
           SLOT(timeouts.drain_delay_ms)),
    number("timeouts.drain_ms", "30000", 0, kDay_ms, "After SIGTERM: time for requests in flight to finish.",
           SLOT(timeouts.drain_ms)),
    number("safety.mass_removal_share_percent", "50", 1, 100,
           "When more than this share of all endpoints would go at once, the change is held. 100: never held.",
           SLOT(safety.mass_removal_share_percent)),
    number("safety.mass_removal_count_min", "4", 1, kAnyNumber,
           "Fewer endpoints than this going at once are never held.", SLOT(safety.mass_removal_count_min)),
    number("safety.hold_ms", "30000", 0, kDay_ms,
           "How long a mass removal is held. It is dropped when the endpoints come back, and applied afterwards.",
           SLOT(safety.hold_ms)),
    number("safety.last_good_age_ms_max", "0", 0, kAnyNumber,
           "What a source has not confirmed for so long is not served from: its routes stay and answer 503 until it is "
           "read again. 0: the last good answer serves for ever.",
           SLOT(safety.last_good_age_ms_max)),
    choice("health.new_endpoints", "\"probing\"", "probing|up",
           "What an endpoint with a health check is before its first check has ended. probing: it gets requests only "
           "where no other endpoint of its service is up. up: as in Traefik, it gets its share.",
           SLOT(health.new_endpoints)),
    number("health.concurrent_checks_max", "256", 1, 65536,
           "Health checks under way at once, of all services together. Those that are due wait for their turn; those "
           "of endpoints that fail have at most half of the places.",
           SLOT(health.concurrent_checks_max)),
    number(
        "retry.attempts_max", "2", 0, 10,
        "Further attempts of a request, each on another endpoint while there is one: when no connection could be made, "
        "when a kept connection turns out to be closed, and for the reasons of retry.on. A request is never sent "
        "again once bytes of its body were.",
        SLOT(retry.attempts_max)),
    {"retry.on", "[\"closed\"]", "", 0, 0, Shape::one_of, "closed|timeout|502|503|504",
     "Why a request that may have reached its endpoint is sent to another one: its connection was closed, its response "
     "did not begin within timeouts.response_head_ms, or the response has that status.",
     SLOT(retry.on)},
    value("retry.idempotent_methods", "false", "", Shape::any,
          "true: retry.on holds for PUT and DELETE as well. false: for GET, HEAD, OPTIONS and TRACE.",
          SLOT(retry.idempotent_methods)),
    number("retry.budget_percent", "20", 0, 100,
           "Share of a service's requests that may be sent again for the reasons of retry.on, per worker.",
           SLOT(retry.budget_percent)),
    number("retry.budget_per_s_min", "10", 0, 1'000'000,
           "Retries a second that are within the budget whatever the share.", SLOT(retry.budget_per_s_min)),
    value("forwarding.x_forwarded", "true", "", Shape::any,
          "Send X-Forwarded-For, -Proto, -Host, -Port and X-Real-Ip to endpoints. false: those of clients are dropped "
          "all "
          "the same, unless the client is trusted.",
          SLOT(forwarding.x_forwarded)),
    value("forwarding.forwarded", "false", "", Shape::any,
          "Send Forwarded (RFC 7239) to endpoints; a trusted client's own is extended.", SLOT(forwarding.forwarded)),
    value("requests.pass_unknown_methods", "false", "", Shape::any,
          "true: methods that are not registered with IANA are passed on. false: they are answered 501.",
          SLOT(requests.pass_unknown_methods)),
    value("requests.via", "\"\"", "", Shape::any,
          "The name of this hop in the Via of requests and responses. Empty: no Via is added.", SLOT(requests.via)),
    value("tls.file", "\"\"", "", Shape::path,
          "TOML file of certificates, options and transports, read again when it or a file that it names changes, and "
          "on SIGHUP. See docs/tls.md. Empty: none.",
          SLOT(tls.file)),
    value("tls.ticket_key_file", "\"\"", "", Shape::path,
          "File of session ticket keys that several edges share: lines of 80 bytes in base64, the first seals. Read "
          "again when it changes. Empty: keys of this process's own.",
          SLOT(tls.ticket_key_file)),
    value("tls.ticket_key_consul_key", "\"\"", "", Shape::any,
          "Key of Consul's store (of providers.consulkv, or else of providers.consul) with what ticket_key_file would "
          "hold, followed as it changes. Not together with ticket_key_file. Empty: none.",
          SLOT(tls.ticket_key_consul_key)),
    value(
        "tls.ocsp_fetch", "false", "", Shape::any,
        "true: OCSP responses are fetched from the responders that certificates name, and stapled. Not for those with "
        "an ocspFile.",
        SLOT(tls.ocsp_fetch)),
    number("tls.ticket_rotation_s", "14400", 60, 604'800,
           "A new ticket key of one's own this often; the two before it still open tickets.",
           SLOT(tls.ticket_rotation_s)),
    number("tls.handshakes_per_turn_max", "4", 1, 1024,
           "Handshakes that begin in one turn of a worker's loop. Those who are connected are served in between.",
           SLOT(tls.handshakes_per_turn_max)),
    number("tls.expiry_warning_days", "14", 0, 3650, "Certificates that end sooner are warned of once a day. 0: never.",
           SLOT(tls.expiry_warning_days)),
    value("tls.debug_keylog_file", "\"\"", "", Shape::path,
          "For debugging only: the secrets of every client connection are appended to this file, for Wireshark. Who "
          "has them reads everything.",
          SLOT(tls.debug_keylog_file)),
    value(
        "answers.text", R"("{status} {reason}\n")", "", Shape::any,
        "The body of an answer that the edge gives by itself (400, 404, 408, 413, 414, 431, 502, 503, 504 and so on). "
        "{status} and {reason} are filled in.",
        SLOT(answers.text)),
    value("answers.content_type", "\"text/plain; charset=utf-8\"", "", Shape::any, "The Content-Type of answers.text.",
          SLOT(answers.content_type)),
    value("answers.directory", "\"\"", "", Shape::path,
          "Folder of files to answer with in place of answers.text, one a status: 503.html, 404.json, 502.txt; each at "
          "most 64 KiB, read at start. Empty: none.",
          SLOT(answers.directory)),
    number("answers.retry_after_s", "1", 0, 86'400, "Retry-After of a 503 of the edge's own. 0: it has none.",
           SLOT(answers.retry_after_s)),
};

#undef SLOT
#undef ENTRY_SLOT

}  // namespace

std::span<const Option> option_table() { return kOptions; }

std::string describe_type(const Option& option) {
  Config config;
  EntryPointConfig entry_point;
  Slot slot = option.slot(config, entry_point);
  bool list = std::holds_alternative<std::vector<std::string>*>(slot);
  if (option.shape == Shape::one_of) {
    return (list ? "a list of " : "one of ") + replace_all(option.choices, "|", ", ");
  }
  if (option.shape == Shape::url) return "a list of URLs";
  if (option.shape == Shape::path) return "a path";
  if (list) return "a list of strings";
  if (std::holds_alternative<std::vector<Cidr>*>(slot)) return "a list of networks";
  if (std::holds_alternative<std::vector<StatusRange>*>(slot)) return "a list of statuses and ranges of them";
  if (std::holds_alternative<bool*>(slot)) return "true or false";
  if (std::holds_alternative<std::string*>(slot)) return "a string";
  if (!std::holds_alternative<uint32_t*>(slot)) return "an address, ip:port";
  std::string text = "a whole number";
  if (option.max != kAnyNumber) return text + ", " + std::to_string(option.min) + " to " + std::to_string(option.max);
  return option.min == 0 ? text : text + ", at least " + std::to_string(option.min);
}

}  // namespace weir::config
