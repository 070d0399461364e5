#pragma once
// The options of a middleware, kind by kind; what all kinds say of an option that is none. Pure functions.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "routing/middleware.h"
#include "weir/base/result.h"

namespace weir::routing {

using Options = std::map<std::string, std::string>;

[[nodiscard]] tl::unexpected<Error> unknown_option(const std::string& key);
[[nodiscard]] tl::unexpected<Error> bad_option(std::string_view key, std::string_view wanted);
[[nodiscard]] tl::unexpected<Error> missing_option(std::string_view key);
/// The value of the only option that the type has, which may be empty.
[[nodiscard]] Result<std::string> only_option(const Options& options, std::string_view key);
/// What Go reads as true or false, into `out`.
[[nodiscard]] Status take_flag(const std::string& key, const std::string& value, bool& out);
/// What Go reads as a whole number, into `out`.
[[nodiscard]] Status take_whole(const std::string& key, const std::string& value, int64_t& out);
/// At most kMiddlewareValuesMax; `what` they are stands in the error.
[[nodiscard]] Status check_count(size_t count, const std::string& what);
/// Whether a middleware may set that header to that value.
[[nodiscard]] Status check_header(std::string_view name, std::string_view value);
/// A list of networks behind those in `out`; `wanted` is told where it is none.
[[nodiscard]] Status take_networks(const std::string& key, const std::string& list, std::string_view wanted,
                                   std::vector<Cidr>& out);
inline constexpr std::string_view kAddressesWanted = "a list of addresses and networks";
/// A field of Traefik's ipStrategy: `key` is `prefix` itself or begins with it.
[[nodiscard]] Status take_ip_strategy(std::string_view prefix, const std::string& key, const std::string& value,
                                      IpStrategy& out);

// Path and place: middleware_path.cc
Status compile_strip_prefix(const Options& options, Middleware& out);
Status compile_strip_prefix_regex(const Options& options, Middleware& out);
Status compile_add_prefix(const Options& options, Middleware& out);
Status compile_replace_path(const Options& options, Middleware& out);
Status compile_replace_path_regex(const Options& options, Middleware& out);
Status compile_redirect_scheme(const Options& options, Middleware& out);
Status compile_redirect_url(const Options& options, Middleware& out);
Status compile_redirect_regex(const Options& options, Middleware& out);

// Fields: middleware_headers.cc
Status compile_headers(const Options& options, Middleware& out);

// Who comes in, and who they are: middleware_access.cc
Status compile_access_list(const Options& options, Middleware& out);
Status compile_ip_allow_list(const Options& options, Middleware& out);
Status compile_basic_auth(const Options& options, Middleware& out);
Status compile_digest_auth(const Options& options, Middleware& out);
/// One line each of a list of users whose password's hash is of no form that htpasswd makes.
[[nodiscard]] std::vector<std::string> unreadable_users(std::string_view list);
Status compile_forward_auth(const Options& options, Middleware& out);
Status compile_pass_tls_client_cert(const Options& options, Middleware& out);

// How much: middleware_limits.cc
Status compile_rate_limit(const Options& options, Middleware& out);
Status compile_in_flight_req(const Options& options, Middleware& out);
Status compile_buffering(const Options& options, Middleware& out);

// What becomes of answers: middleware_compress.cc
Status compile_compress(const Options& options, Middleware& out);

}  // namespace weir::routing
