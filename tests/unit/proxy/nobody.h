#pragma once
// Middlewares where no password is asked for.

#include <memory>

#include "proxy/authenticator.h"
#include "proxy/middlewares.h"
#include "proxy/request_limits.h"

namespace weir::proxy {

struct Nobody {
  event::Loop loop;
  Authenticator authenticator{loop, std::make_shared<PasswordChecker>()};
  RequestLimits limits;
  Guards guards{authenticator, limits, loop};
};

}  // namespace weir::proxy
