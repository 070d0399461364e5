#include "provider/consul_follower.h"

#include <utility>

#include "weir/base/log.h"

namespace weir::provider {

ConsulFollower::ConsulFollower(event::Loop& loop, LinkOptions options, QueryTiming timing)
    : loop_(loop),
      timing_(timing),
      link_(
          loop, std::move(options),
          [this] {
            for (auto& one : all_) one->query->ask_afresh();
          },
          [this] {
            for (auto& one : all_) one->query->wake();
          }) {}

void ConsulFollower::follow(QuerySubject subject, std::function<Status(std::string_view body)> on_body) {
  auto followed = std::make_unique<Followed>();
  followed->path = subject.path;
  followed->on_body = std::move(on_body);
  Followed* self = followed.get();
  followed->query = std::make_unique<BlockingQuery>(
      loop_, link_, random_, timing_, std::move(subject),
      [this, self](const QueryAnswer& answer) { return on_answer(*self, answer); },
      [this, self](const Error& error) { on_failure(*self, error); });
  all_.push_back(std::move(followed));
  self->query->start();
}

Status ConsulFollower::on_answer(Followed& one, const QueryAnswer& answer) {
  if (!answer.same_body) {
    if (Status taken = one.on_body(answer.body); !taken) return taken;
  }
  if (std::exchange(one.failing, false)) {
    log::info("Consul answers again", {{"path", one.path}, {"address", link_.address_text()}});
  }
  return {};
}

void ConsulFollower::on_failure(Followed& one, const Error& error) {
  if (!std::exchange(one.failing, true)) {
    log::warn("not read from Consul, what is known stays", {{"path", one.path}, {"error", error}});
  }
  // One that hangs is seldom alone.
  if (error.code != ErrorCode::timeout) return;
  for (auto& other : all_) other->query->ask_again();
}

}  // namespace weir::provider
