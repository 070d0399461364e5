// Functions that reckon with networks' addresses. See functions.h.

#include <cstdio>
#include <optional>
#include <string>

#include "scheduler/hcl/functions.h"
#include "weir/base/ip.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

/// An address as a number; of IPv4 the low 32 bits.
using Bits = unsigned __int128;

/// weir/base/ip.h's Cidr turns ::ffff:10.0.0.0/104 into 10.0.0.0/8, and keeps what stands behind the prefix. Here the
/// bits to extend are counted as they were written.
struct Network {
  Bits base = 0;  // nothing behind the prefix
  int prefix = 0;
  int width = 32;  // 128: IPv6
};

constexpr int kMappedBits = 96;
/// More would not fit the numbers of Nomad's library on machines of 32 bits.
constexpr int64_t kNewBitsMax = 32;

/// As many ones, at the low end.
Bits ones(int count) { return count == 0 ? 0 : ~Bits{0} >> (128 - count); }

Bits host_mask(const Network& network) { return ones(network.width - network.prefix); }

bool is_mapped(Bits address, int width) { return width == 128 && address >> 32 == 0xffff; }

Result<Network> network_argument(const Arguments& arguments, size_t i) {
  auto text = text_argument(arguments, i);
  if (!text) return fail(text.error());
  auto invalid =
      fail(ErrorCode::invalid, "invalid CIDR expression: \"" + *text + "\" must be a network, as 10.0.0.0/8");
  // Nothing else may stand there; a NUL would end the address for the C library.
  if (text->find_first_not_of("0123456789abcdefABCDEF.:/") != std::string::npos) return invalid;
  size_t slash = text->find('/');
  if (slash == std::string::npos) return invalid;
  auto ip = IpAddress::parse(text->substr(0, slash));
  auto prefix = parse_u64(text->substr(slash + 1));
  if (!ip || !prefix) return invalid;
  Network out{.width = ip->v6 ? 128 : 32};
  if (*prefix > static_cast<uint64_t>(out.width)) return invalid;
  out.prefix = static_cast<int>(*prefix);
  for (int byte = 0; byte < out.width / 8; ++byte) out.base = out.base << 8 | ip->bytes[static_cast<size_t>(byte)];
  out.base &= ~host_mask(out);
  return out;
}

/// As Go prints it: ::ffff:10.0.0.1 is 10.0.0.1, and no other IPv6 address has dots.
std::string address_text(Bits address, int width) {
  if (width == 128 && address >> 32 == 0 && address >> 16 != 0) {  // the C library would write ::0.1.0.2
    char out[sizeof "::ffff:ffff"];
    std::snprintf(out, sizeof out, "::%x:%x", static_cast<unsigned>(address >> 16),
                  static_cast<unsigned>(address & 0xffff));
    return out;
  }
  IpAddress ip;
  ip.v6 = width == 128 && !is_mapped(address, width);
  size_t count = ip.v6 ? 16 : 4;
  for (size_t byte = count; byte > 0; --byte, address >>= 8) ip.bytes[byte - 1] = static_cast<uint8_t>(address & 0xff);
  return ip.text();
}

std::string network_text(const Network& network) {
  int prefix = is_mapped(network.base, network.width) ? network.prefix - kMappedBits : network.prefix;
  return address_text(network.base, network.width) + "/" + std::to_string(prefix);
}

Result<Value> cidrhost(const Arguments& arguments) {
  auto network = network_argument(arguments, 0);
  if (!network) return fail(network.error());
  auto number = whole_argument(arguments, 1);
  if (!number) return fail(number.error());
  // -1 is the last address, -2 the one before.
  Bits distance = static_cast<uint64_t>(*number < 0 ? -(*number + 1) : *number);
  Bits last = host_mask(*network);
  if (distance > last) {
    return fail(ErrorCode::invalid, "prefix of " + std::to_string(network->prefix) +
                                        " does not accommodate a host numbered " + std::to_string(*number));
  }
  return Value(address_text(network->base | (*number < 0 ? last - distance : distance), network->width));
}

Result<Value> cidrnetmask(const Arguments& arguments) {
  auto network = network_argument(arguments, 0);
  if (!network) return fail(network.error());
  return Value(address_text(ones(network->width) & ~host_mask(*network), network->width));
}

Result<Value> cidrsubnet(const Arguments& arguments) {
  auto network = network_argument(arguments, 0);
  if (!network) return fail(network.error());
  auto new_bits = whole_argument(arguments, 1);
  if (!new_bits) return fail(new_bits.error());
  auto number = whole_argument(arguments, 2);
  if (!number) return fail(number.error());
  // Nomad takes fewer bits and answers with addresses that have some behind the prefix.
  if (*new_bits < 0) return fail(ErrorCode::invalid, "may not extend prefix by less than 0 bits");
  if (*new_bits > kNewBitsMax) return fail(ErrorCode::invalid, "may not extend prefix by more than 32 bits");
  int prefix = network->prefix + static_cast<int>(*new_bits);
  if (prefix > network->width) {
    return fail(ErrorCode::invalid, "insufficient address space to extend prefix of " +
                                        std::to_string(network->prefix) + " by " + std::to_string(*new_bits));
  }
  if (*number < 0 || *number >> *new_bits != 0) {
    return fail(ErrorCode::invalid, "prefix extension of " + std::to_string(*new_bits) +
                                        " does not accommodate a subnet numbered " + std::to_string(*number));
  }
  Bits base = network->base;
  if (prefix > network->prefix) base |= Bits{static_cast<uint64_t>(*number)} << (network->width - prefix);
  return Value(network_text({base, prefix, network->width}));
}

/// How long the prefix of the next subnet is.
Result<int> extended_prefix(const Network& network, const Arguments& arguments, size_t i) {
  auto new_bits = whole_argument(arguments, i);
  if (!new_bits) return fail(new_bits.error());
  auto invalid = [i](const std::string& what) {
    return fail(ErrorCode::invalid, "argument " + std::to_string(i + 1) + " " + what);
  };
  if (*new_bits < 1) return invalid("must extend prefix by at least one bit");
  if (*new_bits > kNewBitsMax) return invalid("may not extend prefix by more than 32 bits");
  int prefix = network.prefix + static_cast<int>(*new_bits);
  if (prefix > network.width) {
    return invalid("would extend prefix to " + std::to_string(prefix) + " bits, which is too long for an " +
                   (network.width == 32 ? "IPv4" : "IPv6") + " address");
  }
  return prefix;
}

/// Each subnet begins behind the one before it, at the next address that its own length allows.
Result<Value> cidrsubnets(const Arguments& arguments) {
  auto network = network_argument(arguments, 0);
  if (!network) return fail(network.error());
  Value::List out;
  Bits last = (network->base - 1) & ones(network->width);  // of the subnet before
  for (size_t i = 1; i < arguments.size(); ++i) {
    auto prefix = extended_prefix(*network, arguments, i);
    if (!prefix) return fail(prefix.error());
    Bits hosts = ones(network->width - *prefix);
    Network next{((last | hosts) + 1) & ones(network->width), *prefix, network->width};
    // Address 0 follows on the last one: what begins there is not handed out, as by Nomad's library.
    if (next.base == 0 || (next.base & ~host_mask(*network)) != network->base) {
      std::string behind = out.empty() ? "the start of " + network_text(*network) : out.back().as_string();
      return fail(ErrorCode::invalid, "argument " + std::to_string(i + 1) +
                                          ": not enough remaining address space for a subnet with a prefix of " +
                                          std::to_string(*prefix) + " bits after " + behind);
    }
    last = next.base | hosts;
    out.emplace_back(network_text(next));
  }
  return Value(std::move(out));
}

constexpr Function kFunctions[] = {
    {"cidrhost", 2, 2, cidrhost},
    {"cidrnetmask", 1, 1, cidrnetmask},
    {"cidrsubnet", 3, 3, cidrsubnet},
    {"cidrsubnets", 1, Function::kAnyCount, cidrsubnets},
};

}  // namespace

std::span<const Function> network_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl
