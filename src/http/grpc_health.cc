#include "weir/http/grpc_health.h"

#include <array>
#include <optional>

#include "weir/base/text.h"

namespace weir::http {
namespace {

constexpr size_t kAnswerBytesMax = 64 * 1024;
constexpr size_t kPrefixBytes = 5;  // compressed or not, and the length of the message

// Go's names of the codes (grpc/doc/statuscodes.md), which stand in its errors.
constexpr std::array<std::string_view, 17> kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};
constexpr uint64_t kPermissionDenied = 7;
constexpr uint64_t kUnimplemented = 12;
constexpr uint64_t kUnauthenticated = 16;

/// What a server without gRPC's trailers means, as gRPC's clients take it (grpc/doc/http-grpc-status-mapping.md).
uint64_t code_of_http(int status) {
  switch (status) {
    case 400: return kGrpcInternal;
    case 401: return kUnauthenticated;
    case 403: return kPermissionDenied;
    case 404: return kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return kGrpcUnavailable;
    default: return kGrpcUnknown;
  }
}

/// Protocol buffers: one varint off the front.
std::optional<uint64_t> take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

/// A field that we do not know: only its length matters.
bool skip_field(std::string_view& bytes, uint64_t wire_type) {
  std::optional<uint64_t> length;
  switch (wire_type) {
    case 0: return take_varint(bytes).has_value();
    case 1: length = 8; break;
    case 2: length = take_varint(bytes); break;
    case 5: length = 4; break;
    default: return false;
  }
  if (!length || *length > bytes.size()) return false;
  bytes.remove_prefix(*length);
  return true;
}

}  // namespace

std::string encode_health_question(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';  // field 1, bytes
    size_t left = service.size();
    for (; left >= 0x80; left >>= 7) message += static_cast<char>(left | 0x80);
    message += static_cast<char>(left);
    message += service;
  }
  std::string framed(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) framed += static_cast<char>(message.size() >> shift);
  return framed + message;
}

Result<ServingStatus> decode_health_answer(std::string_view body) {
  auto refuse = [](const char* why) { return fail(ErrorCode::invalid, why); };
  if (body.size() < kPrefixBytes) return refuse("the answer has no message");
  if (body[0] != 0) return refuse("the message is compressed, which was not asked for");
  uint64_t length = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) length = length << 8 | static_cast<uint8_t>(body[i]);
  body.remove_prefix(kPrefixBytes);
  if (length != body.size()) return refuse("the answer is not one whole message");
  uint64_t status = 0;  // what is not written is the default
  while (!body.empty()) {
    std::optional<uint64_t> key = take_varint(body);
    if (!key || *key >> 3 == 0) return refuse("the message is malformed");
    if (*key == (1U << 3)) {  // field 1, a number; the last one counts
      std::optional<uint64_t> number = take_varint(body);
      if (!number) return refuse("the message is malformed");
      status = *number;
    } else if (!skip_field(body, *key & 7)) {
      return refuse("the message is malformed");
    }
  }
  return status <= 3 ? static_cast<ServingStatus>(status) : ServingStatus::unknown;
}

ClientRequest health_question(Url url, std::string_view service, uint64_t timeout_ms) {
  ClientRequest request;
  request.url = std::move(url);
  request.url.target = "/grpc.health.v1.Health/Check";
  request.method = "POST";
  request.headers = {{"Content-Type", "application/grpc"}};
  request.body = encode_health_question(service);
  request.timeout_ms = timeout_ms;
  request.connect_timeout_ms = timeout_ms;
  request.body_bytes_max = kAnswerBytesMax;
  request.http2 = true;
  request.keep_alive = false;
  return request;
}

Status judge_health_answer(const ClientResponse& response) {
  std::string_view code = find_header(response.trailers, "grpc-status");
  std::string_view text = find_header(response.trailers, "grpc-message");
  if (code.empty()) {  // without a body the head has what trailers would say
    code = response.header("grpc-status");
    text = response.header("grpc-message");
  }
  auto bad = [](uint64_t number, std::string_view why) { return fail(ErrorCode::invalid, rpc_error(number, why)); };
  if (code.empty()) {
    std::string why = "unexpected HTTP status code received from server: " + std::to_string(response.status);
    if (response.status == 200) why = "the answer ended without grpc-status";
    return bad(code_of_http(response.status), why);
  }
  if (code != "0") {
    return bad(parse_u64(code).value_or(kGrpcUnknown), percent_decode(text).value_or(std::string(text)));
  }
  Result<ServingStatus> status = decode_health_answer(response.body);
  if (!status) return bad(kGrpcInternal, status.error().message);
  if (*status != ServingStatus::serving) {
    return fail(ErrorCode::unavailable, "gRPC application didn't report service healthy");
  }
  return {};
}

std::string rpc_error(uint64_t code, std::string_view text) {
  std::string name = code < kCodes.size() ? std::string(kCodes[code]) : "Code(" + std::to_string(code) + ")";
  return "rpc error: code = " + name + " desc = " + std::string(text);
}

}  // namespace weir::http
