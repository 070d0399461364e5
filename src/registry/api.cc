#include "registry/api.h"

#include <utility>

#include "registry/read_options.h"
#include "registry/routes.h"
#include "weir/base/text.h"

namespace weir::registry {
namespace {

constexpr const char* kNoPath = "No path to datacenter";

void add_meta(http::HeaderFields& headers, uint64_t index, bool known_leader) {
  headers.emplace_back("X-Consul-Index", std::to_string(index));
  headers.emplace_back("X-Consul-Knownleader", known_leader ? "true" : "false");
  headers.emplace_back("X-Consul-Lastcontact", "0");
}

bool has_control_character(std::string_view text) {
  for (char c : text) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

std::string without_double_slashes(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  }
  return out;
}

Reply moved_to(const http::Request& request, std::string location) {
  if (!request.query_text.empty()) location += "?" + request.query_text;
  Reply reply{301, "", "text/html; charset=utf-8"};
  reply.headers.emplace_back("Location", std::move(location));
  return reply;
}

/// The answers that need no endpoint: a bad path, an unknown one, a method that it does not have.
std::optional<Reply> refuse_path(const http::Request& request, const std::optional<std::string>& path) {
  if (request.path.find("//") != std::string::npos) {
    return moved_to(request, without_double_slashes(request.path));
  }
  if (!path) return Reply::text(400, "400 Bad Request");
  if (has_control_character(*path)) return Reply::text(400, "");
  return std::nullopt;
}

std::optional<Reply> refuse_method(const Route& route, const std::string& method, bool legacy_get_writes) {
  std::string allow = "OPTIONS," + std::string(route.methods);
  if (method == "OPTIONS") {
    Reply reply;
    reply.headers.emplace_back("Allow", allow);
    return reply;
  }
  if (route.allows(method) || (route.legacy_get && legacy_get_writes && method == "GET")) return std::nullopt;
  Reply reply = Reply::text(405, "method " + method + " not allowed");
  reply.headers.emplace_back("Allow", allow);
  return reply;
}

std::optional<Reply> refuse_query(const Call& call) {
  if (call.request.query_malformed) return Reply::text(500, "");
  if (!call.parameter("ns").empty()) {
    return Reply::text(400,
                       "Bad request: Invalid query parameter: \"ns\" - Namespaces are a Consul Enterprise feature");
  }
  if (!call.parameter("partition").empty()) {
    return Reply::text(
        400, "Bad request: Invalid query parameter: \"partition\" - Partitions are a Consul Enterprise feature");
  }
  return std::nullopt;
}

}  // namespace

Reply Reply::text(int status, std::string body) {
  Reply reply{status, std::move(body)};
  if (!reply.body.empty()) reply.content_type = "text/plain; charset=utf-8";
  return reply;
}

std::string Call::parameter(std::string_view name) const {
  const std::string* value = request.parameter(name);
  return value == nullptr ? "" : *value;
}

std::vector<std::string> Call::parameters(std::string_view name) const {
  std::vector<std::string> values;
  for (const http::QueryParameter& parameter : request.query) {
    if (parameter.name == name) values.push_back(parameter.value);
  }
  return values;
}

Api::Api(Parts parts) : parts_(parts), blocking_(parts.loop, parts.store.watchers()) {}

void Api::serve(http::Request request, std::shared_ptr<http::Responder> responder) {
  Call call{std::move(request), "", false, std::move(responder)};
  std::optional<std::string> path = percent_decode(call.request.path);
  if (std::optional<Reply> refusal = refuse_path(call.request, path)) return reply(call, std::move(*refusal));
  const Route* route = find_route(*path);
  const Route* tree = route == nullptr ? find_route(*path + "/") : nullptr;
  // Go's router sends the name of a tree on to the tree.
  if (tree != nullptr && tree->path.size() == path->size() + 1) {
    return reply(call, moved_to(call.request, call.request.path + "/"));
  }
  if (route == nullptr) {
    return reply(call, Reply::text(404, "Invalid URL path: not a recognized HTTP API endpoint"));
  }
  std::optional<Reply> refusal = refuse_method(*route, call.request.method, parts_.legacy_get_writes);
  if (!refusal) refusal = refuse_query(call);
  if (refusal) return reply(call, std::move(*refusal));
  // A transient fault in Consul's words: clients try again, and nobody takes an unloaded catalog for an empty one.
  if (!serving_) return reply(call, Reply::text(500, "No cluster leader"));
  if (route->path.ends_with('/')) call.argument = path->substr(route->path.size());
  call.pretty = call.has("pretty");
  route->endpoint(*this, std::move(call));
}

void Api::reply(Call& call, Reply reply) {
  http::Response response;
  response.status = reply.status;
  response.headers = std::move(reply.headers);
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("X-Consul-Default-Acl-Policy", "allow");
  if (!reply.content_type.empty()) response.headers.emplace_back("Content-Type", std::move(reply.content_type));
  response.body = std::move(reply.body);
  call.responder->respond(std::move(response));
}

void Api::look(Call call, std::function<Reply()> answer) {
  answer_look(std::make_shared<Call>(std::move(call)), std::make_shared<std::function<Reply()>>(std::move(answer)));
}

// What it saw may be taken back before it is durable: then it looks again.
void Api::answer_look(std::shared_ptr<Call> call, std::shared_ptr<std::function<Reply()>> answer) {
  auto seen = std::make_shared<Reply>((*answer)());
  store().when_durable([this, call, answer, seen](const Status& durable) {
    if (!durable) return answer_look(call, answer);
    reply(*call, std::move(*seen));
  });
}

void Api::read(Call call, Read read) {
  ReadOptionsOrReply parsed = parse_read_options(call);
  if (parsed.refusal) return reply(call, std::move(*parsed.refusal));
  if (std::string dc = call.parameter("dc"); !dc.empty() && dc != self().datacenter) {
    Reply refusal = Reply::text(500, kNoPath);
    if (read.names_consistency) add_meta(refusal.headers, CatalogStore::kNothingYet, false);
    return reply(call, std::move(refusal));
  }
  BlockingQueries::Query query;
  query.responder = call.responder;
  query.wait_ms = parsed.options.wait_ms;
  auto shared_call = std::make_shared<Call>(std::move(call));
  auto shared_read = std::make_shared<Read>(std::move(read));
  query.ready = [this, shared_read, index = parsed.options.index, absent = false](bool woken) mutable {
    if (index == 0) return true;
    // Never given by this store: it has lost what it had then, and its client need not wait to learn that.
    if (!shared_read->index_is_hash && index > store().last_index()) return true;
    bool was_absent = std::exchange(absent, shared_read->found && !shared_read->found());
    if (woken && was_absent && absent) return false;
    return shared_read->index_is_hash ? shared_read->index() != index : shared_read->index() > index;
  };
  query.resources = [shared_read] { return shared_read->resources(); };
  query.answer = [this, shared_call, shared_read, consistency = parsed.options.consistency] {
    answer_read(shared_call, shared_read, consistency);
  };
  blocking_.run(std::move(query));
}

void Api::answer_read(std::shared_ptr<Call> call, std::shared_ptr<Read> read, const std::string& consistency) {
  uint64_t index = read->index();
  auto answer = std::make_shared<Reply>(read->answer());
  if (answer->status < 400 || answer->status == 404) {
    if (read->index_is_hash) {
      answer->headers.emplace_back("X-Consul-Index", std::to_string(index));
    } else {
      add_meta(answer->headers, index, true);
    }
    if (read->names_consistency) answer->headers.emplace_back("X-Consul-Effective-Consistency", consistency);
  }
  store().when_durable([this, call, read, answer, consistency](const Status& durable) {
    if (!durable) return answer_read(call, read, consistency);
    reply(*call, std::move(*answer));
  });
}

void Api::write(Call call, const std::function<Status(Transaction&)>& change, std::function<Reply()> done,
                int failure_status) {
  if (std::string dc = call.parameter("dc"); !dc.empty() && dc != self().datacenter) {
    return reply(call, Reply::text(500, kNoPath));
  }
  auto shared_call = std::make_shared<Call>(std::move(call));
  store().write(change, [shared_call, done = std::move(done), failure_status](const Status& status) {
    if (status) return reply(*shared_call, done());
    int code = status.error().code == ErrorCode::io ? 500 : failure_status;
    reply(*shared_call, Reply::text(code, status.error().message));
  });
}

Result<JsonValue> parse_body(const Call& call) { return JsonValue::parse(call.request.body); }

Reply decode_failure(const Error& error) { return Reply::text(400, "Request decode failed: " + error.message); }

}  // namespace weir::registry
