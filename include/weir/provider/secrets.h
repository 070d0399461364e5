#pragma once
// What TLS takes from a Consul: this edge's identity in Connect, and ticket keys that edges share.

#include <functional>
#include <memory>
#include <string>

#include "weir/base/result.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/provider/providers.h"
#include "weir/tls/mesh.h"

namespace weir::provider {

/// Follows by blocking queries from when it is made until it is destroyed. Nothing is kept on disk: these are secrets.
/// Errors, silence and refused answers change nothing; they are logged. Control loop's thread; callbacks come from the
/// loop, never from within the call that makes it.
class SecretSource {
 public:
  virtual ~SecretSource() = default;
};

/// Leaf of `consul.connect_service` and roots. Called with both, whenever one is another; an identity that is refused
/// is asked for again after a pause.
Result<std::unique_ptr<SecretSource>> follow_connect(event::Loop& loop, const config::ConsulConfig& consul,
                                                     QueryTiming timing,
                                                     std::function<Status(tls::MeshIdentity)> on_identity);

/// How to reach the store that has the key.
struct KeyPlace {
  std::vector<std::string> addresses;
  std::string token;
  std::string token_file;
  std::string datacenter;
  std::string name_space;
  config::SourceTlsConfig tls;
  uint32_t wait_s = 0;
};
KeyPlace place_of(const config::ConsulKvConfig& kv);
KeyPlace place_of(const config::ConsulConfig& consul);

/// The value of one key of Consul's store. A key that is not there changes nothing.
Result<std::unique_ptr<SecretSource>> follow_key(event::Loop& loop, const KeyPlace& place, const std::string& key,
                                                 QueryTiming timing,
                                                 std::function<Status(const std::string& value)> on_value);

}  // namespace weir::provider
