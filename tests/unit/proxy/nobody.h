#pragma once
// Middlewares where no password is asked for.

#include <memory>

#include "proxy/authenticator.h"

namespace weir::proxy {

struct Nobody {
  event::Loop loop;
  Authenticator authenticator{loop, std::make_shared<PasswordChecker>()};
};

}  // namespace weir::proxy
