// Options of a request's way: limits, deadlines, retries, what is passed on, TLS, the edge's own answers.

#include "config/option_rows.h"

namespace weir::config {

namespace {

const Option kOptions[] = {
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

}  // namespace

std::span<const Option> request_options() { return kOptions; }

}  // namespace weir::config
