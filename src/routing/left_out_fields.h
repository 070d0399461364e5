#pragma once
// Fields of Traefik's objects that are known here and not followed: the object can do without them.

#include <optional>
#include <string>
#include <string_view>

namespace weir::routing {

/// Of an object of Traefik's that may be named without its fields: with nothing behind the =, or true in any case, it
/// is there; with anything else it is not, nor are the fields below it.
[[nodiscard]] bool is_object_there(std::string_view value);

/// Of "tls.certresolver" of a router, "passivehealthcheck.failurewindow" of a load balancer, "retry.attempts" of a
/// middleware and their kin, in lower case: "" where Traefik takes that value, else what it expects. Nothing where it
/// knows no such field.
[[nodiscard]] std::optional<std::string> left_out_problem(std::string_view field, std::string_view value);

/// "prefixes[0]": Traefik reads lists with commas only, and nothing comes of one by numbers.
[[nodiscard]] bool is_numbered(std::string_view field);

/// Of "tcp.routers.rule" and its kin, in lower case and without the object's name: whether Traefik knows that field.
[[nodiscard]] bool is_known_elsewhere(std::string_view field);

}  // namespace weir::routing
