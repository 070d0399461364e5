#pragma once
// gRPC-Web: gRPC for clients that cannot read trailers (browsers), as the grpcWeb middleware of Traefik.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/answer_filter.h"
#include "weir/http/session.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// Stands between an exchange and its client's stream: what is gRPC-Web below is gRPC above. Bodies are the same frames
/// (base64 in the "-text" form); the answer's trailers become its last frame.
class GrpcWeb final : public AnswerFilter, private http::ServerStreamObserver {
 public:
  /// Whether a request is a call of gRPC itself.
  [[nodiscard]] static bool is_plain_call(const http::RequestHead& request);
  /// Whether a request is for the middleware at all.
  [[nodiscard]] static bool is_call(const http::RequestHead& request);
  /// A browser's question whether a page may make such calls (CORS), which is answered here.
  [[nodiscard]] static bool is_preflight(const http::RequestHead& request);
  /// The Origin of a request where `allowed` has it, or "*"; else "".
  [[nodiscard]] static std::string_view allowed_origin(const http::RequestHead& request,
                                                       const std::vector<std::string>& allowed);
  /// The answer's fields to a preflight from that origin.
  static void append_preflight_fields(std::string_view origin, std::vector<http::Header>& out);

  /// `request` and `origin` outlive it.
  GrpcWeb(http::ServerStream& client, http::ServerStreamObserver& above, const http::RequestHead& request,
          std::string_view origin);
  /// Of a body that began to come before this was here: as above, in its place. `ended`: it is all there. False: it is
  /// not base64, though the call says so.
  [[nodiscard]] bool take_early(std::string& body, bool ended);
  /// Makes of the request's head, whose fields are `headers`, the one of a gRPC call.
  void change_request(http::RequestHead& head, std::vector<http::Header>& headers);

  // ServerStream, for the exchange
  void send_head(const http::ResponseHead& head) override;
  void send_body(std::string_view bytes) override;
  void send_end(std::span<const http::Header> trailers) override;

 private:
  void on_request_body(std::string_view bytes) override;
  void on_request_end(std::span<const http::Header>) override;
  void refuse(const char* why);
  void append_origin_fields();
  void on_client_drained() override { above_.on_client_drained(); }
  void on_client_gone(const Error& error) override { above_.on_client_gone(error); }

  http::ServerStreamObserver& above_;
  const std::string_view origin_;
  const bool text_;
  std::string request_type_;   // application/grpc and what followed
  std::string response_type_;  // the same as the client knows it
  std::string exposed_;        // their names
  std::string scratch_;
  std::string carry_;  // base64 digits that do not make a group yet
  bool answered_ = false;
  bool framed_ = false;  // the answer is gRPC; else it is passed on as it is
};

}  // namespace weir::proxy
