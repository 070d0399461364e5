#include "scripted_source.h"

#include "catch.h"

namespace weir::provider::test {

ScriptedSource::ScriptedSource(event::Loop& loop, std::string index_header)
    : loop_(loop), index_header_(std::move(index_header)) {
  address_ = SocketAddress::parse("127.0.0.1:0").value();
  listen_again();
}

ScriptedSource::~ScriptedSource() { stop_listening(); }

void ScriptedSource::stop_listening() {
  server_.reset();
  waiters_.clear();
}

void ScriptedSource::listen_again() {
  auto server = http::Server::listen(
      loop_, address_,
      [this](http::Request request, std::shared_ptr<http::Responder> to) { on_request(request, std::move(to)); });
  if (!server) FAIL("scripted source: " << server.error().text());
  server_ = std::move(*server);
  address_ = server_->address();
}

void ScriptedSource::set(const std::string& path, std::string body) {
  bodies_[path] = std::move(body);
  moved(path);
}

void ScriptedSource::unset(const std::string& path) {
  bodies_.erase(path);
  moved(path);
}

void ScriptedSource::moved(const std::string& path) {
  indexes_[path] = ++last_index_;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const bool due = it->path == path && it->index < last_index_;
    if (due) answer(it->path, *it->responder);
    it = due || !it->responder->connected() ? waiters_.erase(it) : std::next(it);
  }
}

void ScriptedSource::on_request(const http::Request& request, std::shared_ptr<http::Responder> responder) {
  requests.push_back(request);
  if (lie && lie(request, responder)) return;
  if (!token.empty() && request.header(token_header) != token) {
    return responder->respond({403, {}, "Permission denied"});
  }
  const std::string* index = request.parameter("index");
  const uint64_t asked = index == nullptr ? 0 : parse_u64(*index).value_or(0);
  if (asked == 0 || index_of(request.path) > asked) return answer(request.path, *responder);
  waiters_.push_back({request.path, asked, std::move(responder)});
}

void ScriptedSource::answer(const std::string& path, http::Responder& responder) {
  http::HeaderFields headers = {{"Content-Type", "application/json"}, {index_header_, std::to_string(index_of(path))}};
  auto found = bodies_.find(path);
  if (found == bodies_.end()) return responder.respond({404, std::move(headers), ""});
  responder.respond({200, std::move(headers), found->second});
}

uint64_t ScriptedSource::index_of(const std::string& path) const {
  auto found = indexes_.find(path);
  return found == indexes_.end() ? 1 : found->second;
}

std::string kv_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (const auto& [key, value] : pairs) {
    out += (out.empty() ? "" : ",");
    out += R"({"LockIndex":0,"Key":")" + key + R"(","Flags":0,"Value":)" +
           (value.empty() ? "null" : "\"" + base64_encode(value) + "\"") + R"(,"CreateIndex":1,"ModifyIndex":1})";
  }
  return "[" + out + "]";
}

}  // namespace weir::provider::test
