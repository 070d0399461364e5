#include "weir/base/result.h"

#include <cerrno>
#include <cstring>

namespace weir {

std::string Error::text() const {
  std::string out;
  if (!file.empty()) out += file + ":";
  if (line > 0) {
    out += std::to_string(line) + ":";
    if (column > 0) out += std::to_string(column) + ":";
  }
  if (!out.empty()) out += " ";
  return out + message;
}

Error system_error(std::string_view what, int errno_or_uv) {
  // libuv on Unix uses negated errno values, except for its own codes below -3000.
  int number = errno_or_uv < 0 ? -errno_or_uv : errno_or_uv;
  ErrorCode code = ErrorCode::io;
  switch (number) {
    case ENOENT: code = ErrorCode::not_found; break;
    case ECONNREFUSED:
    case EACCES:
    case EPERM: code = ErrorCode::refused; break;
    case ETIMEDOUT: code = ErrorCode::timeout; break;
    case ECONNRESET:
    case EPIPE:
    case 4095: code = ErrorCode::closed; break;  // 4095: UV_EOF
    case ECANCELED: code = ErrorCode::cancelled; break;
    case EEXIST:
    case EADDRINUSE: code = ErrorCode::conflict; break;
    default: break;
  }
  std::string reason = number == 4095   ? "end of file"
                       : number >= 3000 ? "name resolution failed (" + std::to_string(number) + ")"
                                        : std::strerror(number);
  return Error{code, std::string(what) + ": " + reason};
}

}  // namespace weir
