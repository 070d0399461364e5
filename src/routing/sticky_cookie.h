#pragma once
// Reading a sticky cookie from text: tags, keys of a store, documents and routes files say it field by field.

#include <optional>
#include <string>
#include <string_view>

#include "weir/routing/sticky_cookie.h"

namespace weir::routing {

/// Of one service. Fields in any order.
class StickyCookieReader {
 public:
  /// Of "sticky" itself (""), "cookie", "cookie.maxage" and their kin, in lower case. "" where Traefik can read that
  /// value, else what it expects. Nothing where it knows no such field.
  std::optional<std::string> read(std::string_view field, std::string_view value);
  /// None where there is no cookie, or one that is switched off.
  [[nodiscard]] StickyCookieRef cookie() const;

 private:
  std::optional<std::string> read_cookie(std::string_view field, std::string_view value);

  StickyCookie cookie_;
  bool named_ = false;  // there is a cookie
  bool off_ = false;
};

}  // namespace weir::routing
