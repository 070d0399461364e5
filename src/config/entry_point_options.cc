// Options of the process, its entry points and its admin API.

#include "config/option_rows.h"

namespace weir::config {

namespace {

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
};

}  // namespace

std::span<const Option> entry_point_options() { return kOptions; }

}  // namespace weir::config
