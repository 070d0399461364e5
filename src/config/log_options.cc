// Options of what is written down: log, access log, metrics.

#include "config/option_rows.h"

namespace weir::config {

namespace {

const Option kOptions[] = {
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
};

}  // namespace

std::span<const Option> log_options() { return kOptions; }

}  // namespace weir::config
