// What the access log is told of an exchange, when it ends.

#include "proxy/access_log.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

namespace weir::proxy {

using http::Header;

// What the client gets may not be what was sent towards it.
void Exchange::note_answer(std::span<const Header> origin, std::span<const Header> sent) {
  answer_log_fields_.clear();
  worker_.access_log().append_headers(answer_log_fields_, "origin_", origin);
  if (client_ == filter_.get()) sent = filter_->sent_fields();
  worker_.access_log().append_headers(answer_log_fields_, "downstream_", sent);
}

uint64_t Exchange::sent_bytes() const { return client_ == filter_.get() ? filter_->sent_bytes() : response_bytes_; }

void Exchange::note_access(uint16_t status, uint64_t duration_us) {
  AccessRecord record;
  auto& texts = record.texts;
  texts[AccessRecord::client_host] = by_->client_ip();
  texts[AccessRecord::method] = request_.method_text;
  texts[AccessRecord::authority] = request_.authority;
  texts[AccessRecord::target] = request_.target;
  if (const Header* referer = http::find(request_.headers, "Referer")) texts[AccessRecord::referer] = referer->value;
  if (const Header* agent = http::find(request_.headers, "User-Agent")) texts[AccessRecord::user_agent] = agent->value;
  texts[AccessRecord::username] = scratch_.user;
  texts[AccessRecord::protocol] = http::version_text(request_.version);
  texts[AccessRecord::scheme] = by_->proto();
  texts[AccessRecord::tls_version] = by_->tls_version;
  texts[AccessRecord::tls_cipher] = by_->tls_cipher;
  if (by_->tls != nullptr) texts[AccessRecord::tls_client_subject] = by_->tls->client_subject();
  texts[AccessRecord::entry_point] = entry_point_;
  texts[AccessRecord::error] = row(error_).word;
  if (router_ != nullptr) {
    texts[AccessRecord::router] = router_->name;
    texts[AccessRecord::service] = router_->service->name;
  }
  if (endpoint_ != nullptr) {
    texts[AccessRecord::endpoint] = endpoint_->id;
    texts[AccessRecord::endpoint_addr] = endpoint_->authority;
  }
  if (worker_.access_log().has_headers()) {
    worker_.access_log().append_headers(answer_log_fields_, "request_", request_.headers);
    texts[AccessRecord::headers] = answer_log_fields_;
  }
  record.client_port = by_->client.port;
  record.started_us = started_us_;
  record.duration_us = duration_us;
  if (answered_us_ != 0) {
    record.origin_us = answered_us_ - attempt_us_;
    record.origin_status = status_;
    record.origin_bytes = response_bytes_;
  }
  record.request_bytes = request_bytes_;
  record.response_bytes = sent_bytes();
  if (pinned_->table) {
    record.generation = pinned_->table->generation();
    record.catalog_index = pinned_->table->catalog_index();
  }
  record.retries = retries_;
  record.status = status;
  worker_.access_log().note(record);
}

}  // namespace weir::proxy
