#include "proxy/ocsp_fetcher.h"

#include <algorithm>
#include <set>
#include <utility>

#include "weir/base/log.h"

namespace weir::proxy {
namespace {

constexpr size_t kAnswerBytesMax = 64 * 1024;
constexpr int64_t kMsPerS = 1'000;

}  // namespace

struct OcspFetcher::Followed {
  Followed(event::Loop& loop, OcspFetcher& fetcher)
      : next(loop, [this, &fetcher] { fetcher.ask(*this); }), end(loop, [this, &fetcher] {
          staple.der.clear();
          fetcher.on_news_();
        }) {
    next.set_background();
    end.set_background();
  }

  std::string chain;
  tls::OcspQuestion question;
  Url url;
  Staple staple;
  uint64_t backoff_ms = 0;  // of the next failure
  std::unique_ptr<http::Call> call;
  event::Timer next;
  event::Timer end;  // of the staple
};

OcspFetcher::OcspFetcher(event::Loop& loop, std::function<void()> on_news, OcspTiming timing)
    : loop_(loop), on_news_(std::move(on_news)), timing_(timing), client_(loop) {}

OcspFetcher::~OcspFetcher() = default;

void OcspFetcher::follow(const std::vector<std::string>& chains) {
  std::set<std::string> wanted(chains.begin(), chains.end());
  std::erase_if(followed_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (const std::string& chain : wanted) {
    if (followed_.contains(chain)) continue;
    auto question = tls::make_ocsp_question(chain);
    if (!question) continue;
    auto url = Url::parse(question->url);
    if (!url) continue;
    auto one = std::make_unique<Followed>(loop_, *this);
    one->chain = chain;
    one->question = std::move(*question);
    one->url = std::move(*url);
    one->backoff_ms = timing_.backoff_first_ms;
    Followed& made = *one;
    followed_[chain] = std::move(one);
    ask(made);
  }
}

const OcspFetcher::Staple& OcspFetcher::staple(const std::string& chain) const {
  static const Staple kNone;
  auto found = followed_.find(chain);
  return found == followed_.end() ? kNone : found->second->staple;
}

void OcspFetcher::ask(Followed& one) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = one.url;
  request.headers = {{"Content-Type", "application/ocsp-request"}, {"Accept", "application/ocsp-response"}};
  request.body = one.question.der;
  request.timeout_ms = timing_.timeout_ms;
  request.body_bytes_max = kAnswerBytesMax;
  request.keep_alive = false;
  one.call = client_.send(std::move(request), [this, &one](Result<http::ClientResponse> response) {
    on_response(one, std::move(response));
  });
}

void OcspFetcher::on_response(Followed& one, Result<http::ClientResponse> response) {
  if (!response) return failed(one, response.error().text());
  if (response->status != 200) return failed(one, "status " + std::to_string(response->status));
  auto validity = tls::check_ocsp_answer(one.chain, response->body);
  if (!validity) {
    failed(one, validity.error().text());
    // It is no longer good: what said that it was is not shown any more.
    if (validity.error().code == ErrorCode::refused && !std::exchange(one.staple.der, "").empty()) on_news_();
    return;
  }
  take(one, std::move(response->body), *validity);
}

void OcspFetcher::take(Followed& one, std::string der, const tls::OcspValidity& validity) {
  int64_t now_s = std::time(nullptr);
  uint64_t left_ms = timing_.without_end_ms;
  if (validity.next_update_s != 0) {
    left_ms = static_cast<uint64_t>(std::max<int64_t>(validity.next_update_s - now_s, 1) * kMsPerS);
  }
  if (!one.staple.problem.empty()) log::info("OCSP responder answers", {{"url", one.question.url}});
  bool news = one.staple.der != der;
  one.staple = {std::move(der), now_s + static_cast<int64_t>(left_ms) / kMsPerS, ""};
  one.backoff_ms = timing_.backoff_first_ms;
  // Not all of a fleet at once.
  uint64_t pause_ms = std::max(left_ms / 2, timing_.refresh_min_ms);
  one.next.start_once(pause_ms + random_.below(pause_ms / 8 + 1));
  one.end.start_once(left_ms);
  if (news) on_news_();
}

void OcspFetcher::failed(Followed& one, const std::string& problem) {
  if (std::exchange(one.staple.problem, problem) != problem) {
    log::warn("no OCSP response to staple", {{"url", one.question.url}, {"problem", problem}});
    on_news_();
  }
  uint64_t pause_ms = one.backoff_ms;
  one.backoff_ms = std::min(pause_ms * 2, timing_.backoff_max_ms);
  one.next.start_once(pause_ms / 2 + random_.below(pause_ms / 2 + 1));
}

}  // namespace weir::proxy
