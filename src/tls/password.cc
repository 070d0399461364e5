#include "weir/tls/password.h"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "weir/base/text.h"
#include "weir/tls/digest.h"

namespace weir::tls {
namespace {

constexpr std::string_view kApacheMark = "$apr1$";
constexpr std::string_view kShaMark = "{SHA}";

// Six bits a letter, the low ones first, as crypt has it; the bytes are taken in an order of its own.
std::string apache_letters(const std::string& digest) {
  constexpr std::string_view kLetters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::array<std::array<size_t, 3>, 5> kGroups = {
      {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}}};
  auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(digest[at])); };
  std::string out;
  auto put = [&](uint32_t bits, int letters) {
    for (; letters > 0; --letters, bits >>= 6) out += kLetters[bits & 0x3f];
  };
  for (const auto& [high, middle, low] : kGroups) put(byte(high) << 16 | byte(middle) << 8 | byte(low), 4);
  put(byte(11), 2);
  return out;
}

/// Apache's own MD5 of a thousand rounds, which crypt() does not know: that of "$1$" with another mark.
std::string apache_md5(const std::string& password, const std::string& salt) {
  std::string inner = md5(password + salt + password);
  std::string text = password + std::string(kApacheMark) + salt;
  for (size_t left = password.size(); left > 0; left -= std::min<size_t>(left, 16)) {
    text += inner.substr(0, std::min<size_t>(left, 16));
  }
  for (size_t bits = password.size(); bits > 0; bits >>= 1) text += (bits & 1) != 0 ? '\0' : password[0];
  std::string digest = md5(text);
  for (int round = 0; round < 1000; ++round) {
    bool odd = round % 2 == 1;
    text = odd ? password : digest;
    if (round % 3 != 0) text += salt;
    if (round % 7 != 0) text += password;
    text += odd ? digest : password;
    digest = md5(text);
  }
  return std::string(kApacheMark) + salt + "$" + apache_letters(digest);
}

}  // namespace

bool password_matches(const std::string& password, const std::string& hash) {
  if (hash.empty() || password.size() > kPasswordBytesMax || password.find('\0') != std::string::npos) return false;
  if (hash.starts_with(kShaMark)) {
    return equal_in_constant_time(base64_encode(sha1(password)), std::string_view(hash).substr(kShaMark.size()));
  }
  if (hash.starts_with(kApacheMark)) {
    size_t end = hash.find('$', kApacheMark.size());
    if (end == std::string::npos) return false;
    std::string salt = hash.substr(kApacheMark.size(), std::min<size_t>(end - kApacheMark.size(), 8));
    return equal_in_constant_time(apache_md5(password, salt), hash);
  }
  auto work = std::make_unique<crypt_data>();  // 32 KiB
  const char* made = crypt_r(password.c_str(), hash.c_str(), work.get());
  return made != nullptr && made[0] != '*' && equal_in_constant_time(made, hash);
}

}  // namespace weir::tls
