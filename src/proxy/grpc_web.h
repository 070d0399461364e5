#pragma once
// gRPC-Web: gRPC for clients that cannot read trailers (browsers), as the grpcWeb middleware of Traefik.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/http/session.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// Stands between an exchange and its client's stream: what is gRPC-Web below is gRPC above. Bodies are the same frames
/// (base64 in the "-text" form); the answer's trailers become its last frame. Owned by the Exchange, for one request;
/// calls may destroy it on their way out. Worker thread only.
class GrpcWeb final : public http::ServerStream, private http::ServerStreamObserver {
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

  /// Of the answer as the client gets it: its fields, which live as long as those it was given, and the body's bytes.
  [[nodiscard]] std::span<const http::Header> sent_fields() const { return sent_fields_; }
  [[nodiscard]] uint64_t sent_bytes() const { return sent_bytes_; }

  // ServerStream, for the exchange
  void attach(http::ServerStreamObserver&) override {}
  void send_interim(const http::ResponseHead& head) override { client_.send_interim(head); }
  void send_head(const http::ResponseHead& head) override;
  void send_body(std::string_view bytes) override;
  void send_end(std::span<const http::Header> trailers) override;
  void pause_body() override { client_.pause_body(); }
  void resume_body() override { client_.resume_body(); }
  [[nodiscard]] size_t queued_bytes() const override { return client_.queued_bytes(); }
  [[nodiscard]] size_t undelivered_bytes() const override { return client_.undelivered_bytes(); }
  void forbid_reuse() override { client_.forbid_reuse(); }
  void end_short() override { client_.end_short(); }
  void release() override { client_.release(); }

 private:
  void on_request_body(std::string_view bytes) override;
  void on_request_end(std::span<const http::Header>) override;
  void refuse(const char* why);
  void append_origin_fields();
  void on_client_drained() override { above_.on_client_drained(); }
  void on_client_gone(const Error& error) override { above_.on_client_gone(error); }

  http::ServerStream& client_;
  http::ServerStreamObserver& above_;
  const std::string_view origin_;
  const bool text_;
  std::string request_type_;   // application/grpc and what followed
  std::string response_type_;  // the same as the client knows it
  std::vector<http::Header> sent_fields_;
  std::string exposed_;  // their names
  uint64_t sent_bytes_ = 0;
  std::string scratch_;
  std::string carry_;  // base64 digits that do not make a group yet
  bool answered_ = false;
  bool framed_ = false;  // the answer is gRPC; else it is passed on as it is
};

}  // namespace weir::proxy
