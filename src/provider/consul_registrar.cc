#include <unistd.h>

#include <array>

#include "provider/registration_json.h"
#include "provider/registration_plan.h"
#include "provider/source_link.h"
#include "weir/base/host_port.h"
#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/event/timer.h"

namespace weir::provider {
namespace {

using Names = std::set<std::string, std::less<>>;
using Step = RegistrationPlan::Step;
using Outcome = RegistrationPlan::Outcome;

// "10.0.0.5:80", "[2001:db8::5]:80", "edge.example:80"; ":80" is the agent's own address.
Result<Registration> parse_place(const std::string& text) {
  Registration out;
  const HostPort place = split_host_port(text);
  const auto port = parse_u64(place.port);
  if (!port || *port == 0 || *port > 65'535) {
    return fail(ErrorCode::invalid, "providers.consul.register_address \"" + text + "\": expected host:port or :port");
  }
  out.port = static_cast<uint16_t>(*port);
  out.address = without_brackets(place.host);
  return out;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

Outcome outcome_of(Step::Kind kind, int status) {
  if (status == 200) return Outcome::done;
  if (status == 403 || status == 429 || kind == Step::Kind::enlist) return Outcome::refused;
  // Agents differ in how they say that they do not know it; what they do know comes back with the next attempt.
  return Outcome::unknown;
}

class ConsulRegistrar final : public Registrar {
 public:
  ConsulRegistrar(event::Loop& loop, const Clock& clock, const config::ConsulConfig& consul, LinkOptions link,
                  Registration place, RegistrarTiming timing)
      : clock_(clock),
        consul_(consul),
        place_(std::move(place)),
        timing_(timing),
        plan_(timing),
        due_(loop, [this] { go_on(); }),
        farewell_(loop, [this] { finish(); }),
        link_(
            loop, std::move(link), [] {}, [] {}) {
    want({});
  }

  void want(Names names) override {
    if (stopping_) return;
    if (!consul_.register_name.empty()) names.insert(consul_.register_name);
    if (names.size() > kNamesMax) {
      log::warn("more names to register than are kept", {{"names", names.size()}, {"kept", kNamesMax}});
      while (names.size() > kNamesMax) names.erase(std::prev(names.end()));
    }
    plan_.want(names);
    go_on();
  }

  void stop(std::function<void()> on_done) override {
    on_done_ = std::move(on_done);
    stopping_ = true;
    plan_.want({});
    farewell_.start_once(timing_.farewell_ms);
    go_on();
  }

  [[nodiscard]] size_t registered_count() const override { return plan_.enlisted_count(); }

 private:
  void go_on() {
    if (call_ != nullptr) return;
    const uint64_t now_ms = clock_.monotonic_ms();
    if (auto step = plan_.next(now_ms)) return send(std::move(*step));
    if (stopping_) return finish();  // all are taken back, or nobody is there to be told
    const uint64_t due_ms = plan_.due_in_ms(now_ms);
    due_ms == UINT64_MAX ? due_.stop() : due_.start_once(std::max<uint64_t>(1, due_ms));
  }

  void send(Step step) {
    Registration one = place_;
    one.name = step.name;
    one.id =
        step.name + "-" + (place_.address.empty() ? host_name() : place_.address) + "-" + std::to_string(place_.port);
    std::string path = "/v1/agent/service/register";
    if (step.kind == Step::Kind::renew) path = "/v1/agent/check/pass/" + percent_encode(ttl_check_id(one));
    if (step.kind == Step::Kind::remove) path = "/v1/agent/service/deregister/" + percent_encode(one.id);
    std::string body = step.kind == Step::Kind::enlist ? encode_registration(one, consul_) : "";
    const uint64_t generation = link_.generation();
    call_ = link_.put(path, std::move(body), timing_.answer_ms,
                      [this, step = std::move(step), generation](Result<http::ClientResponse> response) {
                        finished_ = std::move(call_);
                        take(step, generation, response);
                      });
  }

  void take(const Step& step, uint64_t generation, const Result<http::ClientResponse>& response) {
    if (!response) {
      note_trouble(step, response.error().text());
      plan_.settle(step, Outcome::unreachable, clock_.monotonic_ms());
      link_.note_failure(generation, response.error().code == ErrorCode::timeout);
      // Whoever is gone keeps nothing for long; the names run out by themselves.
      return stopping_ ? finish() : go_on();
    }
    link_.note_success(generation);
    if (response->status == 403) link_.renew_token();
    const Outcome outcome = outcome_of(step.kind, response->status);
    if (outcome == Outcome::refused) {
      note_trouble(step, "status " + std::to_string(response->status) + ": " + response->body.substr(0, 200));
    } else {
      note_success(step, outcome);
    }
    plan_.settle(step, outcome, clock_.monotonic_ms());
    go_on();
  }

  void note_success(const Step& step, Outcome outcome) {
    troubled_.erase(step.name);
    const bool lost = step.kind == Step::Kind::renew && outcome == Outcome::unknown;
    if (lost) log::warn("the agent has lost a name that leads here", {{"name", step.name}});
    if (step.kind == Step::Kind::enlist)
      log::info("registered", {{"name", step.name}, {"agent", link_.address_text()}});
    if (step.kind == Step::Kind::remove) log::info("deregistered", {{"name", step.name}});
  }

  // Once a name, until it is well again.
  void note_trouble(const Step& step, const std::string& reason) {
    if (!troubled_.insert(step.name).second) return;
    log::warn("name not registered, tried again",
              {{"name", step.name}, {"agent", link_.address_text()}, {"reason", reason}});
  }

  void finish() {
    farewell_.stop();
    due_.stop();
    call_.reset();
    if (on_done_) std::exchange(on_done_, nullptr)();
  }

  // constant after construction
  const Clock& clock_;
  const config::ConsulConfig consul_;
  const Registration place_;  // without id and name
  const RegistrarTiming timing_;
  // loop's thread
  RegistrationPlan plan_;
  Names troubled_;  // names whose trouble has been told
  bool stopping_ = false;
  std::function<void()> on_done_;
  event::Timer due_;
  event::Timer farewell_;
  SourceLink link_;
  std::unique_ptr<http::Call> call_;      // under way
  std::unique_ptr<http::Call> finished_;  // the one before: kept because its callback may be what is running
};

}  // namespace

Result<std::unique_ptr<Registrar>> make_registrar(event::Loop& loop, const Clock& clock,
                                                  const config::ConsulConfig& consul, RegistrarTiming timing) {
  auto place = parse_place(consul.register_address);
  if (!place) return fail(place.error());
  auto addresses = parse_addresses("consul", consul.addresses);
  if (!addresses) return fail(addresses.error());
  LinkOptions link{.addresses = std::move(*addresses),
                   .token = consul.token,
                   .token_file = consul.token_file,
                   .common_query = consul_query("", consul.name_space, config::Consistency::standard),
                   .tls = client_options(consul.tls)};
  return std::make_unique<ConsulRegistrar>(loop, clock, consul, std::move(link), std::move(*place), timing);
}

}  // namespace weir::provider
