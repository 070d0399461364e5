#include "provider/http_provider.h"

#include <algorithm>

#include "provider/dynamic_json.h"
#include "provider/source_link.h"
#include "provider/status_parts.h"
#include "weir/base/clock.h"
#include "weir/base/log.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

constexpr uint64_t kBackoffFirstMs = 100;

/// "Name: value"
Result<std::pair<std::string, std::string>> parse_header(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view name = trim(text.substr(0, colon));
  const bool good = colon != std::string_view::npos && !name.empty() &&
                    name.find_first_of(" \t\r\n") == std::string_view::npos &&
                    text.find_first_of("\r\n") == std::string_view::npos;
  if (!good) return fail(ErrorCode::invalid, "header \"" + std::string(name) + "\": expected Name: value");
  return std::pair(std::string(name), std::string(trim(text.substr(colon + 1))));
}

}  // namespace

std::unique_ptr<Provider> make_http_provider(event::Loop& loop, const Clock& clock, HttpOptions options) {
  return std::make_unique<HttpProvider>(loop, clock, std::move(options));
}

HttpProvider::HttpProvider(event::Loop& loop, const Clock& clock, HttpOptions options)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      client_(loop_),
      backoff_(kBackoffFirstMs, std::max<uint64_t>(options_.http.interval_ms, kBackoffFirstMs)),
      timer_(loop_, [this] { ask(); }) {}

Status HttpProvider::start(Observer& observer) {
  auto url = Url::parse(options_.http.endpoint);
  if (!url) return fail(url.error().code, "provider " + options_.name + ": " + url.error().message);
  url_ = std::move(*url);
  for (const std::string& text : options_.http.headers) {
    auto header = parse_header(text);
    if (!header) return fail(header.error().code, "provider " + options_.name + ": " + header.error().message);
    headers_.push_back(std::move(*header));
  }
  if (!http::find_header(headers_, "Authorization").empty()) url_.user_info.clear();
  client_.use_tls(client_options(options_.http.tls));
  observer_ = &observer;
  gate_ = std::make_unique<DefinitionGate>(
      loop_, clock_, brake_limits(options_.safety), options_.safety.last_good_age_ms_max,
      [this](std::shared_ptr<const routing::Definitions> definitions, uint64_t seen_us) {
        save_what_serves();
        observer_->on_definitions(std::move(definitions), seen_us);
      });
  const std::string path = options_.data_dir.empty() ? "" : options_.data_dir + "/" + options_.name + "-document";
  file_ = std::make_unique<LastGoodFile>(clock_, path, url_.authority() + url_.target,
                                         resave_ms(options_.safety, LastGoodFile::kResaveMs));
  if (auto saved = file_->load()) {
    gate_->doubt(saved_age_ms(clock_, saved->wall_ns));
    if (take_body(saved->text, steady_us())) disk_wall_ns_ = saved->wall_ns;
  }
  ask();
  return {};
}

void HttpProvider::stop() {
  if (observer_ == nullptr) return;
  observer_ = nullptr;
  timer_.stop();
  call_.reset();
  gate_.reset();
  file_.reset();
}

void HttpProvider::ask() {
  http::ClientRequest request;
  request.url = url_;
  request.headers = headers_;
  request.headers.emplace_back("Accept", "application/json");
  if (!etag_.empty()) request.headers.emplace_back("If-None-Match", etag_);
  request.connect_timeout_ms = options_.http.timeout_ms;
  request.timeout_ms = options_.http.timeout_ms;
  request.body_bytes_max = options_.http.body_bytes_max;
  call_ = client_.send(std::move(request),
                       [this](Result<http::ClientResponse> response) { on_response(std::move(response)); });
}

void HttpProvider::on_response(Result<http::ClientResponse> response) {
  finished_ = std::move(call_);
  if (!response) return failed(response.error());
  if (Status taken = take(*response); !taken) {
    return failed(taken.error(), asked_pause_ms(response->status, response->header("Retry-After")));
  }
  note_good();
}

Status HttpProvider::take(const http::ClientResponse& response) {
  if (response.status == 304 && !etag_.empty()) return {};
  if (response.status != 200) {
    return fail(ErrorCode::unavailable, "status " + std::to_string(response.status));
  }
  const uint64_t hash = content_hash(response.body);
  if (hash != body_hash_) {
    unsaved_ = response.body;
    if (Status taken = take_body(response.body, steady_us()); !taken) {
      unsaved_.reset();
      return taken;
    }
    body_hash_ = hash;
  }
  etag_ = std::string(response.header("ETag"));
  return {};
}

Status HttpProvider::take_body(std::string_view body, uint64_t seen_us) {
  auto values = decode_dynamic_document(body);
  if (!values) return fail(values.error());
  gate_->put(std::make_shared<const routing::Definitions>(routing::decode_dynamic_config(*values, options_.name)),
             seen_us);
  return {};
}

void HttpProvider::note_good() {
  if (!error_.empty()) log::info("document is there again", {{"provider", options_.name}});
  error_.clear();
  backoff_.reset();
  good_at_ms_ = clock_.monotonic_ms();
  good_wall_ns_ = clock_.wall_ns();
  gate_->trust();
  file_->confirm();
  const uint64_t interval_ms = options_.http.interval_ms;
  timer_.start_once(interval_ms - interval_ms / 8 + random_.below(interval_ms / 4 + 1));
}

void HttpProvider::failed(const Error& error, uint64_t delay_min_ms) {
  if (error_.empty()) {
    log::warn("document not read, the last good one stays",
              {{"provider", options_.name}, {"endpoint", url_.authority() + url_.target}, {"error", error}});
  }
  error_ = error.text();
  // Between two polls nobody vouches for it.
  gate_->doubt(good_wall_ns_ != 0 ? clock_.monotonic_ms() - good_at_ms_ : 0);
  timer_.start_once(std::max<uint64_t>(backoff_.next_ms(random_), delay_min_ms));
}

/// A document that is held back is not worth to be served from after a restart.
void HttpProvider::save_what_serves() {
  if (!unsaved_ || gate_->holding()) return;
  file_->save(std::move(*unsaved_));
  unsaved_.reset();
}

ProviderStatus HttpProvider::status() const {
  ProviderStatus out;
  out.name = options_.name;
  if (gate_ == nullptr) return out;
  out.synced_once = good_wall_ns_ != 0;
  out.error = error_;
  if (out.synced_once) {
    note_live(out, clock_, good_wall_ns_, good_at_ms_);
  } else if (disk_wall_ns_ != 0) {
    note_saved(out, clock_, disk_wall_ns_);
  }
  out.address = url_.scheme + "://" + url_.authority();
  out.held = gate_->held_text();
  if (gate_->applied() != nullptr) count_services(out, *gate_->applied(), gate_->stale());
  if (const std::string unsaved = file_->error(); out.error.empty() && !unsaved.empty()) out.error = unsaved;
  return out;
}

}  // namespace weir::provider
