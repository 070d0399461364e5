#include "http/server_exchange.h"

#include <utility>

#include "weir/base/check.h"

namespace weir::http {
namespace {

/// What a handler holds. Its end without an answer is told to the exchange.
class HeldResponder final : public Responder {
 public:
  explicit HeldResponder(std::shared_ptr<ServerExchange> exchange) : exchange_(std::move(exchange)) {}
  ~HeldResponder() override { exchange_->abandon(); }

  void respond(Response response) override { exchange_->respond(std::move(response)); }
  void start(int status, HeaderFields headers) override { exchange_->start(status, headers); }
  void write(std::string_view chunk) override { exchange_->write(chunk); }
  void end() override { exchange_->end(); }
  [[nodiscard]] size_t queued_bytes() const override { return exchange_->queued_bytes(); }
  void on_drained(std::function<void()> callback) override { exchange_->on_drained(std::move(callback)); }
  void on_disconnect(std::function<void()> callback) override { exchange_->on_disconnect(std::move(callback)); }
  [[nodiscard]] bool connected() const override { return exchange_->connected(); }

 private:
  std::shared_ptr<ServerExchange> exchange_;
};

}  // namespace

ServerExchange::ServerExchange(ServerStream& stream, const RequestHead& head, const SocketAddress& peer,
                               size_t body_bytes_max, const Server::Handler& handler)
    : body_bytes_max_(body_bytes_max), handler_(handler), stream_(&stream) {
  request_.method = head.method_text;
  std::string_view target = head.target;
  size_t question = target.find('?');
  request_.path = target.substr(0, question);
  if (question != std::string_view::npos) request_.query_text = target.substr(question + 1);
  request_.query_malformed = !parse_query(request_.query_text, request_.query);
  request_.headers.emplace_back("Host", head.authority);
  for (const Header& header : head.headers) request_.headers.emplace_back(header.name, header.value);
  request_.peer = peer;
  if (!head.upgrade.empty()) request_.headers.emplace_back("Upgrade", head.upgrade);
  if (head.expect_continue && head.content_length <= body_bytes_max_) {
    ResponseHead go_on;
    go_on.status = 100;
    stream.send_interim(go_on);
  }
}

void ServerExchange::on_request_body(std::string_view bytes) {
  if (started_) return;  // refused: the rest is dropped
  if (request_.body.size() + bytes.size() > body_bytes_max_) {
    return respond({413, {}, "the request body is larger than " + std::to_string(body_bytes_max_) + " bytes\n"});
  }
  request_.body.append(bytes);
}

void ServerExchange::on_request_end(std::span<const Header>) {
  request_ended_ = true;
  if (started_) return;
  handler_(std::move(request_), std::make_shared<HeldResponder>(shared_from_this()));
}

void ServerExchange::on_client_drained() {
  auto self = shared_from_this();  // the callback may end the answer
  if (on_drained_) on_drained_();
}

void ServerExchange::on_client_gone(const Error&) {
  auto self = shared_from_this();  // the connection's own reference goes with the stream
  release();
  if (auto callback = std::exchange(on_disconnect_, nullptr)) callback();
}

void ServerExchange::respond(Response response) {
  if (stream_ == nullptr || started_) return;
  auto self = shared_from_this();
  Body body = response.body.empty() ? Body::none : Body::length;
  send_head(response.status, response.headers, body, response.body.size());
  stream_->send_body(response.body);
  stream_->send_end({});
  release();
}

void ServerExchange::start(int status, const HeaderFields& headers) {
  if (stream_ != nullptr && !started_) send_head(status, headers, Body::unknown, std::nullopt);
}

void ServerExchange::write(std::string_view chunk) {
  if (stream_ == nullptr) return;
  ASSERT(started_);
  stream_->send_body(chunk);
}

void ServerExchange::end() {
  if (stream_ == nullptr) return;
  auto self = shared_from_this();
  stream_->send_end({});
  release();
}

void ServerExchange::send_head(int status, const HeaderFields& headers, Body body, std::optional<uint64_t> length) {
  started_ = true;
  if (!request_ended_) stream_->forbid_reuse();  // what else comes of the request is not for us
  std::vector<Header> fields;
  fields.reserve(headers.size() + 1);
  for (const auto& [name, value] : headers) fields.push_back({name, value});
  fields.push_back({"Date", http_date()});
  ResponseHead head;
  head.status = static_cast<uint16_t>(status);
  head.headers = fields;
  head.body = body;
  head.content_length = length;
  stream_->send_head(head);
}

void ServerExchange::release() {
  if (auto* stream = std::exchange(stream_, nullptr)) stream->release();
}

void ServerExchange::abandon() {
  if (stream_ == nullptr) return;
  if (!started_) return respond({500, {}, "no answer\n"});
  auto self = shared_from_this();
  release();  // a cut stream: the client sees that it is not complete
}

}  // namespace weir::http
