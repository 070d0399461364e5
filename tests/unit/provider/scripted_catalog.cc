#include "scripted_catalog.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include "catch.h"
#include "weir/base/duration.h"
#include "weir/base/log.h"

namespace weir::provider::test {
namespace {

constexpr const char* kNames = "/v1/catalog/services";
constexpr const char* kChecks = "/v1/health/state/any";
constexpr const char* kNodes = "/v1/catalog/nodes";
const std::string kService = "/v1/health/service/";

// The lies are many and each is logged: the tests' own output stays readable without.
const bool quiet = [] {
  log::configure(log::Level::off, log::Format::text);
  std::signal(SIGPIPE, SIG_IGN);  // as main does
  return true;
}();

std::string check_json(const FakeInstance& one) {
  return R"({"Node":")" + one.node + R"(","CheckID":"c:)" + one.id + R"(","Status":")" + one.status +
         R"(","ServiceID":")" + one.id + R"(","ServiceName":")" + one.service + R"("})";
}

}  // namespace

bool run_until(event::Loop& loop, const std::function<bool()>& done, uint64_t limit_ms) {
  if (done()) return true;
  bool held = false;
  uint64_t turns = 0;
  event::Timer timer(loop, [&] {
    held = done();
    if (held || ++turns >= limit_ms) loop.stop();
  });
  timer.start_every(1);
  loop.run();
  return held;
}

void run_for(event::Loop& loop, uint64_t ms) {
  event::Timer timer(loop, [&] { loop.stop(); });
  timer.start_once(ms);
  loop.run();
}

ScriptedCatalog::ScriptedCatalog(event::Loop& loop) : loop_(loop), sweeper_(loop, [this] { sweep(); }) {
  address_ = SocketAddress::parse("127.0.0.1:0").value();
  listen_again();
  sweeper_.set_background();
  sweeper_.start_every(5);
}

ScriptedCatalog::~ScriptedCatalog() { stop_listening(); }

void ScriptedCatalog::stop_listening() {
  server_.reset();
  waiters_.clear();
}

void ScriptedCatalog::listen_again() {
  auto server =
      http::Server::listen(loop_, address_, [this](http::Request request, std::shared_ptr<http::Responder> to) {
        on_request(std::move(request), std::move(to));
      });
  if (!server) FAIL("scripted catalog: " << server.error().text());
  server_ = std::move(*server);
  address_ = server_->address();
}

void ScriptedCatalog::put(const FakeInstance& one) {
  // What moves is what moves in Consul: a check's status moves no list of services, a node's address no list of checks.
  std::vector<std::string> paths = {kService + one.service};
  auto known = services_[one.service].find(one.id);
  const bool is_new = known == services_[one.service].end();
  const bool checks_moved = is_new ? !one.status.empty() : known->second.status != one.status;
  if (checks_moved) paths.emplace_back(kChecks);
  if (is_new || known->second.address != one.address) paths.emplace_back(kNodes);
  if (is_new || known->second.port != one.port || known->second.tag != one.tag) paths.emplace_back(kNames);
  services_[one.service][one.id] = one;
  moved(paths);
}

void ScriptedCatalog::remove(const std::string& service, const std::string& id) {
  services_[service].erase(id);
  if (services_[service].empty()) {
    services_.erase(service);
    extinction_index_ = last_index_ + 1;
  }
  moved({kNames, kChecks, kService + service});
}

void ScriptedCatalog::lose_everything() {
  services_.clear();
  indexes_.clear();
  last_index_ = 3;
  extinction_index_ = 3;
}

void ScriptedCatalog::wake_all() {
  auto waiters = std::exchange(waiters_, {});
  for (Waiter& waiter : waiters) answer(waiter.path, *waiter.responder);
}

void ScriptedCatalog::moved(const std::vector<std::string>& paths) {
  ++last_index_;
  for (const std::string& path : paths) indexes_[path] = last_index_;
  sweep();
}

void ScriptedCatalog::sweep() {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const bool due = loop_.now_ms() >= it->due_ms || index_of(it->path) > it->index;
    if (due) answer(it->path, *it->responder);
    it = due || !it->responder->connected() ? waiters_.erase(it) : std::next(it);
  }
}

void ScriptedCatalog::on_request(http::Request request, std::shared_ptr<http::Responder> responder) {
  requests.push_back(request);
  if (lie && lie(request, responder)) return;
  if (!token.empty() && request.header("X-Consul-Token") != token) {
    responder->respond({403, {}, "Permission denied"});
    return;
  }
  const std::string* index = request.parameter("index");
  const std::string* wait = request.parameter("wait");
  const uint64_t asked = index == nullptr ? 0 : parse_u64(*index).value_or(0);
  if (asked == 0 || index_of(request.path) > asked) return answer(request.path, *responder);
  const auto wait_ms = parse_duration_ms(wait == nullptr ? "300s" : *wait);
  waiters_.push_back({request.path, asked, loop_.now_ms() + static_cast<uint64_t>(wait_ms.value()), responder});
}

void ScriptedCatalog::answer(const std::string& path, http::Responder& responder) {
  std::string index = std::to_string(index_of(path));
  if (index_lie) index = index_lie(index);
  http::HeaderFields headers = {{"Content-Type", "application/json"}};
  if (!index.empty()) headers.emplace_back("X-Consul-Index", index);
  responder.respond({200, std::move(headers), body(path)});
}

uint64_t ScriptedCatalog::index_of(const std::string& path) const {
  if (path.starts_with(kService) && !services_.contains(path.substr(kService.size()))) return extinction_index_;
  auto found = indexes_.find(path);
  return found == indexes_.end() ? 1 : found->second;
}

size_t ScriptedCatalog::count(std::string_view path) const {
  size_t out = 0;
  for (const auto& request : requests) out += request.path == path ? 1 : 0;
  return out;
}

std::string ScriptedCatalog::body(const std::string& path) const {
  if (path == kNames) return names_body();
  if (path == kChecks) return checks_body();
  if (path == kNodes) return nodes_body();
  return service_body(path.substr(kService.size()));
}

std::string ScriptedCatalog::names_body() const {
  std::string out = R"({"consul":[])";
  for (const auto& [name, instances] : services_) {
    out += ",\"" + name + "\":[";
    const std::string& tag = instances.begin()->second.tag;
    out += (tag.empty() ? "" : "\"" + tag + "\"") + "]";
  }
  return out + "}";
}

std::string ScriptedCatalog::service_body(const std::string& name) const {
  std::string out;
  auto found = services_.find(name);
  if (found == services_.end()) return "[]";
  for (const auto& [id, one] : found->second) {
    out += (out.empty() ? "" : ",");
    out += R"({"Node":{"Node":")" + one.node + R"(","Address":")" + one.address + R"("},"Service":{"ID":")" + id +
           R"(","Service":")" + name + R"(","Port":)" + std::to_string(one.port) + R"(,"Tags":[")" + one.tag +
           R"("]},"Checks":[)" + (one.status.empty() ? "" : check_json(one)) + "]}";
  }
  return "[" + out + "]";
}

std::string ScriptedCatalog::checks_body() const {
  std::string out;
  for (const auto& [name, instances] : services_) {
    for (const auto& [id, one] : instances) {
      if (!one.status.empty()) out += (out.empty() ? "" : ",") + check_json(one);
    }
  }
  return "[" + out + "]";
}

std::string ScriptedCatalog::nodes_body() const {
  std::map<std::string, std::string> nodes;
  for (const auto& [name, instances] : services_) {
    for (const auto& [id, one] : instances) nodes[one.node] = one.address;
  }
  std::string out;
  for (const auto& [name, address] : nodes) {
    out += (out.empty() ? "" : ",");
    out += R"({"Node":")" + name + R"(","Address":")" + address + R"("})";
  }
  return "[" + out + "]";
}

std::string Recorder::text() const {
  std::string out;
  if (snapshots.empty()) return "(nothing)";
  for (const auto& [name, service] : snapshots.back()->services) {
    out += (out.empty() ? "" : " ") + name + ":";
    for (size_t i = 0; i < service->instances.size(); ++i) out += (i == 0 ? "" : ",") + service->instances[i].id;
  }
  return out;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "weir-provider-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) FAIL("mkdtemp");
  path = pattern;
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path); }

void TemporaryFolder::write(const std::string& name, const std::string& content) const {
  std::ofstream(path + "/" + name, std::ios::binary) << content;
}

void TemporaryFolder::remove(const std::string& name) const { std::filesystem::remove(path + "/" + name); }

}  // namespace weir::provider::test
