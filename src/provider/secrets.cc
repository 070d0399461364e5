#include "weir/provider/secrets.h"

#include <utility>

#include "provider/connect_json.h"
#include "provider/consul_follower.h"
#include "provider/kv_json.h"
#include "weir/base/log.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

Result<LinkOptions> link_options(const std::string& what, const KeyPlace& place) {
  auto addresses = parse_addresses(what, place.addresses);
  if (!addresses) return fail(addresses.error());
  return LinkOptions{.addresses = std::move(*addresses),
                     .token = place.token,
                     .token_file = place.token_file,
                     .common_query = consul_query(place.datacenter, place.name_space, config::Consistency::standard),
                     .tls = client_options(place.tls)};
}

QueryTiming with_wait(QueryTiming timing, uint32_t wait_s) {
  if (wait_s != 0) timing.wait_ms = uint64_t{wait_s} * 1'000;
  return timing;
}

class Connect final : public SecretSource {
 public:
  Connect(event::Loop& loop, LinkOptions options, QueryTiming timing, const std::string& service,
          std::function<Status(tls::MeshIdentity)> on_identity)
      : on_identity_(std::move(on_identity)), follower_(loop, std::move(options), timing) {
    follower_.follow({.path = "/v1/agent/connect/ca/roots"}, [this](std::string_view body) -> Status {
      auto roots = decode_connect_roots(body);
      if (!roots) return fail(roots.error());
      tls::MeshIdentity next = identity_;
      next.roots_pem = std::move(*roots);
      return hand_out(std::move(next));
    });
    follower_.follow({.path = "/v1/agent/connect/ca/leaf/" + percent_encode(service)},
                     [this](std::string_view body) -> Status {
                       auto leaf = decode_connect_leaf(body);
                       if (!leaf) return fail(leaf.error());
                       return hand_out({leaf->service, leaf->uri, leaf->chain_pem, leaf->key_pem, identity_.roots_pem});
                     });
  }

 private:
  Status hand_out(tls::MeshIdentity next) {
    const bool whole = !next.roots_pem.empty() && !next.chain_pem.empty();
    if (whole && next != identity_) {
      if (Status taken = on_identity_(next); !taken) return taken;
    }
    identity_ = std::move(next);
    return {};
  }

  const std::function<Status(tls::MeshIdentity)> on_identity_;
  tls::MeshIdentity identity_;  // as far as it is known
  ConsulFollower follower_;
};

class Key final : public SecretSource {
 public:
  Key(event::Loop& loop, LinkOptions options, QueryTiming timing, const std::string& key,
      std::function<Status(const std::string& value)> on_value)
      : follower_(loop, std::move(options), timing) {
    std::vector<std::string> segments;
    for (std::string_view segment : split(key, '/')) segments.push_back(percent_encode(segment));
    follower_.follow({.path = "/v1/kv/" + join(segments, "/"), .may_be_absent = true},
                     [key, on_value = std::move(on_value)](std::string_view body) -> Status {
                       auto pairs = decode_kv_pairs(body);
                       if (!pairs) return fail(pairs.error());
                       if (!pairs->empty()) return on_value(pairs->front().value);
                       log::warn("there is no such key in Consul's store, what is known stays", {{"key", key}});
                       return {};
                     });
  }

 private:
  ConsulFollower follower_;
};

}  // namespace

KeyPlace place_of(const config::ConsulKvConfig& kv) {
  return {kv.addresses, kv.token, kv.token_file, kv.datacenter, kv.name_space, kv.tls, kv.wait_s};
}

KeyPlace place_of(const config::ConsulConfig& consul) {
  return {consul.addresses,  consul.token, consul.token_file, consul.datacenter,
          consul.name_space, consul.tls,   consul.wait_s};
}

Result<std::unique_ptr<SecretSource>> follow_connect(event::Loop& loop, const config::ConsulConfig& consul,
                                                     QueryTiming timing,
                                                     std::function<Status(tls::MeshIdentity)> on_identity) {
  KeyPlace place = place_of(consul);
  place.datacenter = "";  // these are the agent's own
  auto options = link_options("consul", place);
  if (!options) return fail(options.error());
  return std::make_unique<Connect>(loop, std::move(*options), with_wait(timing, consul.wait_s), consul.connect_service,
                                   std::move(on_identity));
}

Result<std::unique_ptr<SecretSource>> follow_key(event::Loop& loop, const KeyPlace& place, const std::string& key,
                                                 QueryTiming timing,
                                                 std::function<Status(const std::string& value)> on_value) {
  auto options = link_options("consul", place);
  if (!options) return fail(options.error());
  return std::make_unique<Key>(loop, std::move(*options), with_wait(timing, place.wait_s), key, std::move(on_value));
}

}  // namespace weir::provider
