#include "registry/check_probe.h"

#include "registry/grpc_probe.h"
#include "registry/http_probe.h"
#include "registry/tcp_probe.h"

namespace weir::registry {

std::unique_ptr<CheckProbe> CheckProbe::start(event::Loop& loop, http::Client& client,
                                              const CheckDefinition& definition, OnResult on_result) {
  switch (definition.kind) {
    case CheckDefinition::Kind::http:
      return std::make_unique<HttpProbe>(loop, client, definition, std::move(on_result));
    case CheckDefinition::Kind::tcp: return std::make_unique<TcpProbe>(loop, definition, std::move(on_result));
    case CheckDefinition::Kind::grpc: return std::make_unique<GrpcProbe>(client, definition, std::move(on_result));
    case CheckDefinition::Kind::ttl:
    case CheckDefinition::Kind::none: return nullptr;
  }
  return nullptr;
}

}  // namespace weir::registry
