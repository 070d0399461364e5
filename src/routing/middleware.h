#pragma once
// From a middleware's text to what the proxy runs.

#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/routing/definitions.h"
#include "weir/routing/table.h"

namespace weir::routing {

constexpr size_t kMiddlewareValuesMax = 256;  // prefixes, or headers of one direction

/// Types and options are Traefik's, in any case, and two for fabio's tags. A type or option that is not known, or known
/// and not done yet, is an error: a route that leaves out half of what it was told is worse than a 503. Not so what
/// only makes an answer prettier or likelier (contentType, errors, retry, circuitBreaker): it is left out.
Result<Middleware> compile_middleware(const MiddlewareDefinition& definition, std::string qualified_name);

/// What compile_middleware() takes and cannot follow whole: users of a basicAuth whom no password lets in, types
/// and options that a route can do without.
[[nodiscard]] std::vector<std::string> middleware_notes(const MiddlewareDefinition& definition);

/// As it is written.
[[nodiscard]] std::string_view middleware_type_name(Middleware::Type type);
/// "stripprefix" -> "stripPrefix"; a type nobody knows stays as it is.
[[nodiscard]] std::string middleware_type_name(std::string_view name);

}  // namespace weir::routing
