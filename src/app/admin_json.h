#pragma once
// The admin API's JSON documents, pretty-printed.

#include <string>
#include <string_view>

#include "weir/config/config.h"
#include "weir/http/server.h"
#include "weir/provider/endpoint_checker.h"
#include "weir/provider/table_assembler.h"
#include "weir/proxy/stats.h"
#include "weir/proxy/tls_status.h"

namespace weir::app {

std::string version_json();
std::string ready_json(const provider::TableAssembler& assembler, bool draining);
std::string routers_json(const provider::TableAssembler& assembler);
std::string services_json(const provider::TableAssembler& assembler, const provider::EndpointChecker& checker);
std::string endpoints_json(const provider::TableAssembler& assembler, const provider::EndpointChecker& checker,
                           const proxy::Stats& stats);
/// With routers on entry points that `config` does not have.
std::string rejected_json(const provider::TableAssembler& assembler, const config::Config& config);
std::string providers_json(const provider::TableAssembler& assembler);
/// Certificates with their names and ends, and what is wrong with them.
std::string tls_json(const proxy::TlsStatus& status);
/// {"error": "…"} and the status to answer with, for a question that cannot be read.
struct RouteAnswer {
  int status = 200;
  std::string body;
};
RouteAnswer explain_json(const provider::TableAssembler& assembler, const provider::EndpointChecker& checker,
                         const config::Config& config, const http::Request& request);
RouteAnswer lint_json(const provider::TableAssembler& assembler, const config::Config& config);

}  // namespace weir::app
