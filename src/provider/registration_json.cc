#include "provider/registration_json.h"

#include <nlohmann/json.hpp>

namespace weir::provider {

using nlohmann::json;

std::string ttl_check_id(const Registration& registration) { return registration.id + "-ttl"; }

std::string encode_registration(const Registration& registration, const config::ConsulConfig& consul) {
  json tags = consul.register_tags;
  // Where every service is routed this one would be too: to itself.
  if (consul.exposed_by_default && !consul.tag_prefixes.empty())
    tags.push_back(consul.tag_prefixes[0] + ".enable=false");
  json checks = json::array();
  checks.push_back({{"CheckID", ttl_check_id(registration)},
                    {"Name", "Edge alive"},
                    {"TTL", "15s"},
                    {"Status", "passing"},
                    {"DeregisterCriticalServiceAfter", "1m"}});
  if (!consul.register_check_url.empty()) {
    checks.push_back({{"CheckID", registration.id + "-http"},
                      {"Name", "Edge reachable"},
                      {"HTTP", consul.register_check_url},
                      {"Interval", std::to_string(consul.register_check_interval_ms) + "ms"},
                      {"Timeout", std::to_string(consul.register_check_timeout_ms) + "ms"},
                      {"TLSSkipVerify", consul.register_check_insecure_skip_verify}});
  }
  json out{{"ID", registration.id},
           {"Name", registration.name},
           {"Port", registration.port},
           {"Tags", std::move(tags)},
           {"Checks", std::move(checks)}};
  if (!registration.address.empty()) out["Address"] = registration.address;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace weir::provider
