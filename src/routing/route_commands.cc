#include "weir/routing/route_commands.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "routing/endpoint_pool.h"
#include "routing/tag_fabio.h"
#include "weir/base/text.h"
#include "weir/base/url.h"

namespace weir::routing {

namespace {

constexpr size_t kCommandsMax = 1'000'000;

// One place a source leads to.
struct Target {
  std::string service;
  std::string dst;
  std::string opts;
  std::vector<std::string> tags;
  double share = 0;
  uint32_t split = 0;  // the number of the weight whose share it is, from 1; it is divided among all that has it
  std::string origin;
};
struct Source {
  std::string text;  // as first written
  std::vector<Target> targets;
};

// A command in parts: its words, and what follows `weight`, `tags` and `opts`.
struct Command {
  std::vector<std::string> words;
  std::optional<std::string> weight;
  std::optional<std::string> tags;
  std::string opts;
};

// Words are divided by blanks; tags and options in double quotes hold them. Elsewhere quotes are quotes, as in fabio.
Result<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> out;
  while (!(line = trim(line)).empty()) {
    const bool is_list = !out.empty() && (out.back() == "tags" || out.back() == "opts");
    const bool quoted = is_list && line.front() == '"';
    if (quoted) line.remove_prefix(1);
    size_t end = quoted ? line.find('"') : line.find_first_of(" \t");
    if (quoted && end == std::string_view::npos) return fail(ErrorCode::invalid, "no closing \"");
    out.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(line.size(), end == std::string_view::npos ? line.size() : end + 1));
  }
  return out;
}

Result<Command> parse_command(std::vector<std::string> words) {
  Command out;
  for (size_t i = 0; i < words.size(); ++i) {
    bool clause = i > 1 && (words[i] == "weight" || words[i] == "tags" || words[i] == "opts");
    if (!clause) {
      out.words.push_back(std::move(words[i]));
      continue;
    }
    if (i + 1 == words.size()) return fail(ErrorCode::invalid, words[i] + ": nothing follows");
    if (words[i] == "weight") out.weight = words[i + 1];
    if (words[i] == "tags") out.tags = words[i + 1];
    if (words[i] == "opts") out.opts = words[i + 1];
    ++i;
  }
  return out;
}

Result<double> read_weight(const std::string& text) {
  auto share = parse_share(text);
  if (!share) return fail(ErrorCode::invalid, "weight " + text + ": " + share.error().message);
  return share;
}

std::vector<std::string> tag_list(const std::optional<std::string>& text) {
  std::vector<std::string> out;
  if (!text) return out;
  for (std::string_view tag : split_list(*text)) out.emplace_back(tag);
  return out;
}

bool has_all(const Target& target, const std::vector<std::string>& tags) {
  return std::all_of(tags.begin(), tags.end(), [&](const std::string& tag) {
    return std::find(target.tags.begin(), target.tags.end(), tag) != target.tags.end();
  });
}

// Hosts are the same in any case.
std::string key_of_source(std::string_view text) {
  size_t slash = std::min(text.find('/'), text.size());
  return to_lower(text.substr(0, slash)) + std::string(text.substr(slash));
}

/// Runs the commands of one text. Used once.
class Interpreter {
 public:
  explicit Interpreter(const RouteCommandOptions& options) : options_(options) { out_.provider = options.provider; }

  void run(std::string_view text, const std::string& origin) {
    size_t number = 0;
    for (std::string_view line : split(text, '\n')) {
      place_ = origin + ":" + std::to_string(++number);
      if (++lines_ > kCommandsMax) return reject("more than " + std::to_string(kCommandsMax) + " lines");
      line = trim(line);
      if (line.empty() || line.starts_with('#') || line.starts_with("//")) continue;
      if (Status done = run_line(line); !done) reject(done.error().message);
    }
  }

  Definitions finish() {
    for (const auto& [key, source] : sources_) define(source);
    return std::move(out_);
  }

 private:
  void reject(const std::string& reason) { out_.rejected.push_back({"command", place_, reason, place_}); }

  Status run_line(std::string_view line) {
    auto words = split_words(line);
    if (!words) return fail(words.error());
    if (words->size() < 3 || words->front() != "route")
      return fail(ErrorCode::invalid, "expected route add, del or weight");
    auto command = parse_command(std::move(*words));
    if (!command) return fail(command.error());
    const std::string& verb = command->words.size() > 1 ? command->words[1] : command->words[0];
    if (verb == "add") return add(*command);
    if (verb == "del") return remove(*command);
    if (verb == "weight") return weigh(*command);
    return fail(ErrorCode::invalid, "expected route add, del or weight");
  }

  Status add(const Command& command) {
    if (command.words.size() != 5)
      return fail(ErrorCode::invalid, "route add: expected a service, a source and a target");
    Target target{command.words[2], command.words[4], command.opts, tag_list(command.tags), 0, 0, place_};
    if (command.weight) {
      auto share = read_weight(*command.weight);
      if (!share) return fail(share.error());
      target.share = *share;
    }
    Source& source = sources_[key_of_source(command.words[3])];
    if (source.text.empty()) source.text = command.words[3];
    auto same = std::find_if(source.targets.begin(), source.targets.end(), [&](const Target& one) {
      return one.service == target.service && one.dst == target.dst && one.share == target.share &&
             one.tags == target.tags;
    });
    if (same == source.targets.end()) {
      source.targets.push_back(std::move(target));
    } else if (same->opts != target.opts) {
      return fail(ErrorCode::invalid, "the same target with other options stands in " + same->origin + ", and holds");
    }
    return {};
  }

  Status remove(const Command& command) {
    const auto& words = command.words;
    if (words.size() > 5 || (words.size() < 3 && !command.tags)) {
      return fail(ErrorCode::invalid, "route del: expected a service, a source and a target, or tags");
    }
    auto tags = tag_list(command.tags);
    // It would take everything away.
    if (words.size() < 3 && tags.empty()) return fail(ErrorCode::invalid, "route del: no tags and no service");
    note_edit(RouteEdit::Kind::del, words, 2, tags, 0);
    for (auto at = sources_.begin(); at != sources_.end();) {
      bool other_source = words.size() > 3 && key_of_source(words[3]) != at->first;
      auto matches = [&](const Target& one) {
        bool service = words.size() < 3 || one.service == words[2];
        return !other_source && service && (words.size() < 5 || one.dst == words[4]) && has_all(one, tags);
      };
      std::erase_if(at->second.targets, matches);
      at = at->second.targets.empty() ? sources_.erase(at) : std::next(at);
    }
    return {};
  }

  /// The same is done to the routes of tags, by who decodes those: `words` from `first` on are service, source, target.
  void note_edit(RouteEdit::Kind kind, const std::vector<std::string>& words, size_t first,
                 const std::vector<std::string>& tags, double share) {
    auto word = [&](size_t at) { return at < words.size() ? words[at] : ""; };
    RouteEdit edit{kind, word(first), "", word(first + 2), tags, share};
    if (!word(first + 1).empty()) edit.source = fabio_route_name(word(first + 1));
    out_.edits.push_back(std::move(edit));
  }

  Status weigh(const Command& command) {
    const auto& words = command.words;
    if (!command.weight || words.size() < 3 || words.size() > 4) {
      return fail(ErrorCode::invalid, "route weight: expected a source and a weight");
    }
    auto share = read_weight(*command.weight);
    if (!share) return fail(share.error());
    auto tags = tag_list(command.tags);
    note_edit(RouteEdit::Kind::weight, {words.size() == 4 ? words[2] : "", words.back()}, 0, tags, *share);
    auto source = sources_.find(key_of_source(words.back()));
    if (source == sources_.end()) return {};
    for (Target& one : source->second.targets) {
      if ((words.size() == 4 && one.service != words[2]) || !has_all(one, tags)) continue;
      one.share = *share;
      one.split = static_cast<uint32_t>(out_.edits.size());
    }
    return {};
  }

  void define(const Source& source) {
    std::optional<FabioRoute> route;
    ServiceDefinitions::Pool pool;
    for (const Target& target : source.targets) {
      place_ = target.origin;
      const auto redirect = redirect_options(target);
      const auto endpoint = endpoint_of(target);
      auto decoded = decode_fabio_tag(
          source.text + " " + redirect.value_or(target.opts),
          {"", "", target.service, options_.matcher, endpoint ? std::string_view(endpoint->scheme) : ""});
      if (!decoded) {
        out_.rejected.push_back(
            {"router", key_of_source(source.text) + "@" + options_.provider, decoded.error().message, place_});
        continue;
      }
      for (const std::string& reason : decoded->ignored) reject(reason);
      decoded->router.origin.text = place_;
      for (MiddlewareDefinition& middleware : decoded->middlewares) middleware.origin.text = place_;
      bool other = route && (route->router != decoded->router || route->middlewares != decoded->middlewares ||
                             route->pass_host_header != decoded->pass_host_header);
      if (other) {
        reject("its options are not those of the source's first target, " + route->router.origin.text);
        continue;
      }
      if (!decoded->alias.empty()) out_.aliases.push_back(decoded->alias);
      if (redirect) {  // it leads elsewhere and sends nothing to its target
        if (!route) route = std::move(*decoded);
        continue;
      }
      if (!endpoint) {
        reject(endpoint.error().message);
        continue;
      }
      if (target.dst.find('?') != std::string::npos) reject("target " + target.dst + ": its query is left out");
      RouteEdit edit{RouteEdit::Kind::add, target.service, decoded->router.name, target.dst, {},
                     target.share,         *endpoint};
      if (target.split > 0) edit.weighed_before = static_cast<uint32_t>(out_.edits.size()) + 1 - target.split;
      out_.edits.push_back(std::move(edit));
      pool.definition.endpoints.push_back(*endpoint);
      pool.shares.push_back({target.share, target.split});
      if (!route) route = std::move(*decoded);
    }
    if (!route) return;
    sort_endpoints(pool);
    const ServiceDefinitions::Pool* pools[] = {&pool};
    ServiceDefinition service;
    service.name = route->router.service;
    service.endpoints = merge_endpoints(pools);
    service.pass_host_header = route->pass_host_header;
    service.servers_transport = route->servers_transport;
    service.server_name = route->server_name;
    service.origin = route->router.origin;
    out_.services.push_back(std::move(service));
    // A route of tags with this source serves its targets too, and goes before it.
    RouterDefinition& router = route->router;
    if (router.path_order == PathOrder::bytes) {
      router.path_order = PathOrder::command;
    } else {
      router.priority = (router.priority != 0 ? router.priority : static_cast<int64_t>(router.rule.size())) - 1;
    }
    std::move(route->middlewares.begin(), route->middlewares.end(), std::back_inserter(out_.middlewares));
    out_.routers.push_back(std::move(route->router));
  }

  /// In a command the code stands among the options and the URL in the target's place; in a tag both are one option.
  static std::optional<std::string> redirect_options(const Target& target) {
    std::string out;
    bool found = false;
    for (std::string_view word : split_list(target.opts, ' ')) {
      const bool code_alone = word.starts_with("redirect=") && word.find(',') == std::string_view::npos;
      out.append(out.empty() ? "" : " ").append(word);
      if (code_alone) out.append(",").append(target.dst);
      found = found || code_alone;
    }
    return found ? std::optional(out) : std::nullopt;
  }

  static Result<EndpointDefinition> endpoint_of(const Target& target) {
    if (target.dst.find("://") == std::string::npos) {
      return fail(ErrorCode::invalid, "target " + target.dst + ": expected a URL such as http://10.0.0.1:80/");
    }
    auto url = parse_fabio_target(target.dst);
    if (!url) return fail(ErrorCode::invalid, "target " + target.dst + ": " + url.error().message);
    EndpointDefinition out;
    out.scheme = url->scheme;
    out.host = url->host;
    out.port = url->port;
    return out;
  }

  const RouteCommandOptions& options_;
  size_t lines_ = 0;
  std::string place_;
  std::map<std::string, Source> sources_;  // by key_of_source
  Definitions out_;
};

}  // namespace

Definitions decode_route_commands(std::string_view text, const std::string& origin,
                                  const RouteCommandOptions& options) {
  Interpreter interpreter(options);
  interpreter.run(text, origin);
  return interpreter.finish();
}

Definitions decode_route_commands(const std::vector<CommandText>& texts, const RouteCommandOptions& options) {
  Interpreter interpreter(options);
  for (const CommandText& one : texts) interpreter.run(one.text, one.origin);
  return interpreter.finish();
}

}  // namespace weir::routing
