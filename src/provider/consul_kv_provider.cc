#include "provider/consul_kv_provider.h"

#include <algorithm>
#include <map>

#include "provider/status_parts.h"
#include "weir/base/clock.h"
#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/routing/dynamic_config.h"
#include "weir/routing/route_commands.h"

namespace weir::provider {
namespace {

std::string without_slashes(std::string_view prefix) {
  while (prefix.starts_with('/')) prefix.remove_prefix(1);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return std::string(prefix);
}

/// Each segment escaped for itself: the slashes between them are the key's own.
std::string kv_path(std::string_view key) {
  std::vector<std::string> segments;
  for (std::string_view segment : split(key, '/')) segments.push_back(percent_encode(segment));
  return "/v1/kv/" + join(segments, "/");
}

void append(const routing::Definitions& from, routing::Definitions& to) {
  to.aliases.insert(to.aliases.end(), from.aliases.begin(), from.aliases.end());
  to.routers.insert(to.routers.end(), from.routers.begin(), from.routers.end());
  to.services.insert(to.services.end(), from.services.begin(), from.services.end());
  to.middlewares.insert(to.middlewares.end(), from.middlewares.begin(), from.middlewares.end());
  to.rejected.insert(to.rejected.end(), from.rejected.begin(), from.rejected.end());
  to.edits.insert(to.edits.end(), from.edits.begin(), from.edits.end());
}

}  // namespace

routing::Definitions definitions_of_tree(const std::vector<KvPair>& pairs, std::string_view root_key,
                                         const std::string& provider) {
  std::vector<routing::ConfigValue> values;
  std::map<std::string, std::string> spelled;  // a key in lower case -> its last segment as it came first
  std::map<std::string, size_t> list_sizes;    // the same, of the list that it is
  const std::string root = std::string(root_key) + "/";
  for (const KvPair& pair : pairs) {
    // Consul's own pages make keys that end with a slash for folders.
    if (!pair.key.starts_with(root) || pair.key.ends_with('/')) continue;
    routing::ConfigValue value{{}, pair.value, "key " + pair.key};
    // Names that differ in case only are one, as in Traefik, and an empty segment is none.
    std::string folded;
    for (std::string_view segment : split(std::string_view(pair.key).substr(root.size()), '/')) {
      if (segment.empty()) continue;
      folded += '/' + to_lower(segment);
      value.path.push_back(spelled.try_emplace(folded, segment).first->second);
    }
    // A list stands in the order of its keys' text, as in Traefik: 10 before 9.
    if (value.path.empty() || !parse_u64(value.path.back())) {
      values.push_back(std::move(value));
      continue;
    }
    // And each may hold several, with commas.
    size_t& size = list_sizes[folded.substr(0, folded.rfind('/'))];
    for (std::string_view rest = pair.value;;) {
      const std::string_view one = rest.substr(0, rest.find(','));
      value.path.back() = std::to_string(size++);
      value.value = one;
      values.push_back(value);
      // One beyond what is taken, which is reported.
      const bool enough = size > routing::kConfigListItemsMax || values.size() > routing::kConfigValuesMax;
      if (enough || one.size() == rest.size()) break;
      rest.remove_prefix(one.size() + 1);
    }
  }
  return routing::decode_dynamic_config(values, provider);
}

routing::Definitions definitions_of_commands(const std::vector<KvPair>& pairs, std::string_view prefix,
                                             const std::string& provider, const std::string& matcher) {
  std::vector<routing::CommandText> texts;
  for (const KvPair& pair : pairs) {
    // As in fabio the prefix is no folder: "fabio/config-old" holds commands too.
    if (pair.key.starts_with(prefix)) texts.push_back({"key " + pair.key, pair.value});
  }
  return routing::decode_route_commands(texts, {.provider = provider, .matcher = matcher});
}

std::unique_ptr<Provider> make_consul_kv_provider(event::Loop& loop, const Clock& clock, ConsulKvOptions options) {
  return std::make_unique<ConsulKvProvider>(loop, clock, std::move(options));
}

ConsulKvProvider::ConsulKvProvider(event::Loop& loop, const Clock& clock, ConsulKvOptions options)
    : loop_(loop), clock_(clock), options_(std::move(options)) {
  if (options_.kv.wait_s != 0) options_.timing.wait_ms = uint64_t{options_.kv.wait_s} * 1'000;
}

ConsulKvProvider::~ConsulKvProvider() { stop(); }

Status ConsulKvProvider::start(Observer& observer) {
  const config::ConsulKvConfig& kv = options_.kv;
  auto addresses = parse_addresses(options_.name, kv.addresses);
  if (!addresses) return fail(addresses.error());
  if (without_slashes(kv.root_key).empty() && without_slashes(kv.fabio_prefix).empty()) {
    return fail(ErrorCode::invalid, "provider " + options_.name + " has neither root_key nor fabio_prefix");
  }
  observer_ = &observer;
  gate_ = std::make_unique<DefinitionGate>(
      loop_, clock_, brake_limits(options_.safety), options_.safety.last_good_age_ms_max,
      [this](std::shared_ptr<const routing::Definitions> definitions, uint64_t seen_us) {
        save_what_serves();
        observer_->on_definitions(std::move(definitions), seen_us);
      });
  auto each_query = [this](void (BlockingQuery::*call)()) {
    for (auto& branch : branches_) (branch->query.get()->*call)();
  };
  link_ = std::make_unique<SourceLink>(
      loop_,
      LinkOptions{.addresses = std::move(*addresses),
                  .token = kv.token,
                  .token_file = kv.token_file,
                  .common_query = consul_query(kv.datacenter, kv.name_space, kv.consistency),
                  .tls = client_options(kv.tls)},
      [each_query] { each_query(&BlockingQuery::ask_afresh); }, [each_query] { each_query(&BlockingQuery::wake); });
  gate_->set_on_doubt([each_query] { each_query(&BlockingQuery::ask_afresh); });
  add_branch(Branch::Layout::traefik, kv.root_key);
  add_branch(Branch::Layout::fabio, kv.fabio_prefix);
  doubt_saved();
  hand_out(steady_us());
  for (auto& branch : branches_) branch->query->start();
  return {};
}

void ConsulKvProvider::add_branch(Branch::Layout layout, std::string_view prefix) {
  std::string bare = without_slashes(prefix);
  if (bare.empty()) return;
  auto branch = std::make_unique<Branch>();
  branch->layout = layout;
  const bool traefik = layout == Branch::Layout::traefik;
  branch->prefix = !traefik && prefix.ends_with('/') ? bare + "/" : bare;
  // fabio's commands may stand in the key itself; below Traefik's root everything stands in keys.
  const std::string path = kv_path(traefik ? bare + "/" : branch->prefix);
  const std::string file =
      options_.data_dir.empty() ? "" : options_.data_dir + "/" + options_.name + (traefik ? "-traefik" : "-fabio");
  branch->file =
      std::make_unique<LastGoodFile>(clock_, file, path, resave_ms(options_.safety, LastGoodFile::kResaveMs));
  if (auto saved = branch->file->load(); saved && take(*branch, saved->text)) branch->disk_wall_ns = saved->wall_ns;
  Branch* self = branch.get();
  branch->query = std::make_unique<BlockingQuery>(
      loop_, *link_, random_, options_.timing,
      QuerySubject{.path = path, .speaks_for_server = true, .query = "recurse=", .may_be_absent = true},
      [this, self](const QueryAnswer& answer) { return on_answer(*self, answer); },
      [this, self](const Error& error) { on_failure(*self, error); });
  branches_.push_back(std::move(branch));
}

void ConsulKvProvider::stop() {
  if (observer_ == nullptr) return;
  observer_ = nullptr;
  branches_.clear();
  link_.reset();
  gate_.reset();
}

Status ConsulKvProvider::take(Branch& branch, std::string_view body) {
  auto pairs = decode_kv_pairs(body);
  if (!pairs) return fail(pairs.error());
  branch.definitions = std::make_shared<const routing::Definitions>(
      branch.layout == Branch::Layout::traefik
          ? definitions_of_tree(*pairs, branch.prefix, options_.name)
          : definitions_of_commands(*pairs, branch.prefix, options_.name, options_.kv.fabio_matcher));
  return {};
}

Status ConsulKvProvider::on_answer(Branch& branch, const QueryAnswer& answer) {
  const bool news = !answer.same_body || !branch.answered;
  if (news) {
    if (Status taken = take(branch, answer.body); !taken) return taken;
    branch.unsaved = std::string(answer.body);
    branch.has_unsaved = true;
  }
  if (!branch.error.empty()) {
    log::info("key-value store answers again", {{"provider", options_.name}, {"address", link_->address_text()}});
  }
  branch.error.clear();
  branch.answered = true;
  branch.good_at_ms = clock_.monotonic_ms();
  branch.good_wall_ns = clock_.wall_ns();
  if (news) hand_out(answer.seen_us);
  const bool all_good = std::all_of(branches_.begin(), branches_.end(),
                                    [](const auto& one) { return one->answered && one->error.empty(); });
  if (all_good) gate_->trust();
  branch.file->confirm();
  return {};
}

void ConsulKvProvider::on_failure(Branch& branch, const Error& error) {
  if (branch.error.empty()) {
    log::warn("key-value store not read, the last good answer stays",
              {{"provider", options_.name}, {"key", branch.prefix}, {"error", error}});
  }
  branch.error = error.text();
  // A query that waits at the server vouches for what is here, one that nobody answers does not.
  const bool silent = error.code == ErrorCode::timeout && branch.answered;
  gate_->doubt(silent ? clock_.monotonic_ms() - branch.good_at_ms : 0);
  // One that hangs is seldom alone: a machine that went away silently leaves every connection open.
  if (error.code != ErrorCode::timeout) return;
  for (auto& other : branches_) other->query->ask_again();
}

/// What is on disk is as old as the older of both.
void ConsulKvProvider::doubt_saved() {
  for (const auto& branch : branches_) {
    if (branch->disk_wall_ns == 0) return;  // then nothing is handed out yet
  }
  uint64_t age_ms = 0;
  for (const auto& branch : branches_) age_ms = std::max(age_ms, saved_age_ms(clock_, branch->disk_wall_ns));
  gate_->doubt(age_ms);
}

/// Once all that is read has been read.
void ConsulKvProvider::hand_out(uint64_t seen_us) {
  auto all = std::make_shared<routing::Definitions>();
  all->provider = options_.name;
  for (const auto& branch : branches_) {
    if (branch->definitions == nullptr) return;
    append(*branch->definitions, *all);
  }
  gate_->put(std::move(all), seen_us);
}

/// An answer that is held back is not worth to be served from after a restart.
void ConsulKvProvider::save_what_serves() {
  if (gate_->holding()) return;
  for (auto& branch : branches_) {
    if (std::exchange(branch->has_unsaved, false)) branch->file->save(std::exchange(branch->unsaved, ""));
  }
}

ProviderStatus ConsulKvProvider::status() const {
  ProviderStatus out;
  out.name = options_.name;
  if (gate_ == nullptr) return out;
  // As old as the older of both.
  const Branch* oldest = nullptr;
  out.synced_once = true;
  for (const auto& branch : branches_) {
    out.synced_once = out.synced_once && branch->answered;
    if (out.error.empty() && !branch->error.empty()) out.error = "key " + branch->prefix + ": " + branch->error;
    auto rank = [](const Branch& one) { return one.answered ? one.good_wall_ns : one.disk_wall_ns; };
    if (oldest == nullptr || rank(*branch) < rank(*oldest)) oldest = branch.get();
  }
  if (out.synced_once) {
    note_live(out, clock_, oldest->good_wall_ns, oldest->good_at_ms);
  } else if (gate_->applied() != nullptr) {
    note_saved(out, clock_, oldest->answered ? oldest->good_wall_ns : oldest->disk_wall_ns);
  }
  out.index = branches_.front()->query->index();
  out.address = link_->address_text();
  out.held = gate_->held_text();
  if (gate_->applied() != nullptr) count_services(out, *gate_->applied(), gate_->stale());
  for (const auto& branch : branches_) {
    if (const std::string unsaved = branch->file->error(); out.error.empty() && !unsaved.empty()) out.error = unsaved;
  }
  return out;
}

}  // namespace weir::provider
