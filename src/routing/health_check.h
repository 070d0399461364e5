#pragma once
// Reading a health check from text: tags, keys of a store, documents and routes files say it field by field.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/routing/health_check.h"

namespace weir::routing {

/// Of one service. Fields in any order.
class HealthCheckReader {
 public:
  /// "interval", "headers.x-token" and their kin, in lower case. "" where Traefik can read that value, else what it
  /// expects. Nothing where it knows no such field.
  std::optional<std::string> read(std::string_view field, std::string_view value);
  /// None where no field was read, or where no request can be made of them.
  [[nodiscard]] HealthCheckRef check() const;
  /// What Traefik can read and cannot follow, and what is done instead: a sentence each.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  std::string read_duration(std::string_view field, std::string_view value, uint64_t& ms, uint64_t min_ms);
  std::string read_number(std::string_view field, std::string_view value, uint16_t& number, uint16_t min, uint16_t max);
  void read_path(std::string_view path);
  void read_header(std::string_view name, std::string_view value);
  void give_up(const std::string& reason);

  HealthCheck check_;
  std::vector<std::string> notes_;
  bool named_ = false;  // a field was read
  bool usable_ = true;
};

}  // namespace weir::routing
