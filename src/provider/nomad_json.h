#pragma once
// The answers of Nomad's native service discovery, decoded. Pure. As with Consul's, an answer that is not whole and
// well formed is an error, never a shorter list.

#include <string_view>

#include "provider/consul_json.h"
#include "provider/event_stream.h"

namespace weir::provider {

/// /v1/services; the namespaces in it count as one.
Result<ServiceTags> decode_nomad_services(std::string_view body);

/// /v1/service/<name>. Nomad says nothing about health: what it lists counts as passing, without checks.
Result<ServiceAnswer> decode_nomad_service(std::string_view name, std::string_view body, KnownRows* known = nullptr);

/// A line of /v1/event/stream?topic=Service. Events of other topics are passed over.
Result<ServiceEvents> decode_nomad_events(std::string_view line);

}  // namespace weir::provider
