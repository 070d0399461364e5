#include "provider/registration_plan.h"

#include "catch.h"

namespace weir::provider {
namespace {

using Kind = RegistrationPlan::Step::Kind;
using Outcome = RegistrationPlan::Outcome;

constexpr RegistrarTiming kTiming{.renew_ms = 5'000, .pause_first_ms = 500, .pause_max_ms = 4'000};

// A plan with a clock that stands still until told.
struct Told {
  RegistrationPlan plan{kTiming};
  uint64_t now_ms = 1'000;

  /// "enlist web"; "" where nothing is due.
  std::string due() const {
    auto step = plan.next(now_ms);
    if (!step) return "";
    const char* kinds[] = {"enlist ", "renew ", "remove "};
    return kinds[static_cast<size_t>(step->kind)] + step->name;
  }
  void settle(Outcome outcome) { plan.settle(plan.next(now_ms).value(), outcome, now_ms); }
};

}  // namespace

TEST_CASE("registration: a name is enlisted, renewed in time, and taken back when nobody wants it") {
  Told told;
  CHECK(told.due().empty());
  CHECK(told.plan.due_in_ms(told.now_ms) == UINT64_MAX);
  told.plan.want({"web"});
  CHECK(told.due() == "enlist web");
  told.settle(Outcome::done);
  CHECK(told.plan.enlisted_count() == 1);
  CHECK(told.due().empty());
  CHECK(told.plan.due_in_ms(told.now_ms) == 5'000);
  told.now_ms += 4'999;
  CHECK(told.due().empty());
  told.now_ms += 1;
  CHECK(told.due() == "renew web");
  told.settle(Outcome::done);
  CHECK(told.due().empty());
  told.plan.want({});
  CHECK(told.due() == "remove web");
  told.settle(Outcome::done);
  CHECK(told.plan.empty());
}

TEST_CASE(
    "registration: an agent that has lost its state is told again at once, one that is gone after growing pauses") {
  Told told;
  told.plan.want({"a", "b"});
  told.settle(Outcome::done);
  told.settle(Outcome::done);
  told.now_ms += 5'000;
  CHECK(told.due() == "renew a");
  told.settle(Outcome::unknown);
  CHECK(told.due() == "enlist a");
  CHECK(told.plan.enlisted_count() == 1);
  // Nobody answers: neither name is tried before the pause is over, and the pause doubles up to its limit.
  for (uint64_t pause_ms : {500, 1'000, 2'000, 4'000, 4'000}) {
    told.settle(Outcome::unreachable);
    CHECK(told.plan.due_in_ms(told.now_ms) == pause_ms);
    told.now_ms += pause_ms - 1;
    CHECK(told.due().empty());
    told.now_ms += 1;
    CHECK(told.due() == "enlist a");
  }
  told.settle(Outcome::done);
  CHECK(told.due() == "renew b");
  told.settle(Outcome::unreachable);
  CHECK(told.plan.due_in_ms(told.now_ms) == 500);  // after a success from the start
}

TEST_CASE("registration: a name that the agent refuses holds up no other") {
  Told told;
  told.plan.want({"bad", "good"});
  CHECK(told.due() == "enlist bad");
  told.settle(Outcome::refused);
  CHECK(told.due() == "enlist good");
  told.settle(Outcome::done);
  CHECK(told.plan.due_in_ms(told.now_ms) == 500);
  told.now_ms += 500;
  CHECK(told.due() == "enlist bad");
  told.settle(Outcome::refused);
  CHECK(told.plan.due_in_ms(told.now_ms) == 1'000);
}

TEST_CASE("registration: what is wanted otherwise while it is under way is put right afterwards") {
  Told told;
  told.plan.want({"web"});
  auto enlist = told.plan.next(told.now_ms).value();
  told.plan.want({});  // never registered, as far as anybody knows
  CHECK(told.due().empty());
  told.plan.settle(enlist, Outcome::done, told.now_ms);
  auto remove = told.plan.next(told.now_ms).value();
  CHECK(remove.kind == Kind::remove);
  told.plan.want({"web"});
  told.plan.settle(remove, Outcome::done, told.now_ms);
  CHECK(told.due() == "enlist web");
  told.settle(Outcome::done);
  told.now_ms += 5'000;
  auto renew = told.plan.next(told.now_ms).value();
  told.plan.want({});
  told.plan.settle(renew, Outcome::done, told.now_ms);
  CHECK(told.due() == "remove web");
}

TEST_CASE("registration: a name whose registration may have arrived is taken back too") {
  Told told;
  told.plan.want({"web"});
  told.settle(Outcome::unreachable);
  told.plan.want({});
  CHECK_FALSE(told.plan.empty());
  told.now_ms += 500;
  CHECK(told.due() == "remove web");
  told.settle(Outcome::unknown);
  CHECK(told.plan.empty());
  told.plan.want({"never"});
  told.plan.want({});
  CHECK(told.plan.empty());
}

}  // namespace weir::provider
