#pragma once
// gRPC's health checks (grpc/doc/health-checking.md): the one question and its answer, written and read by hand.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/http/client.h"

namespace weir::http {

/// What the message of an answer's body says: grpc.health.v1.HealthCheckResponse.
enum class ServingStatus : uint8_t { unknown, serving, not_serving, service_unknown };
/// `body`: all bytes of the answer, with gRPC's five in front. Fails on anything but one whole message.
Result<ServingStatus> decode_health_answer(std::string_view body);
/// The same of a question; "" asks for the server as a whole.
std::string encode_health_question(std::string_view service);

/// A call of grpc.health.v1.Health/Check at scheme, host and port of `url`, on a connection of its own.
ClientRequest health_question(Url url, std::string_view service, uint64_t timeout_ms);
/// Good where the answer is SERVING; else why not, in the words of Go's gRPC: "rpc error: code = …".
Status judge_health_answer(const ClientResponse& response);

/// Some of gRPC's codes (grpc/doc/statuscodes.md).
inline constexpr uint64_t kGrpcUnknown = 2;
inline constexpr uint64_t kGrpcDeadlineExceeded = 4;
inline constexpr uint64_t kGrpcInternal = 13;
inline constexpr uint64_t kGrpcUnavailable = 14;
/// "rpc error: code = Unavailable desc = …", as Go prints it.
std::string rpc_error(uint64_t code, std::string_view text);

}  // namespace weir::http
