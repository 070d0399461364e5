// Fetching OCSP responses: when it asks again, and how long it shows what it has. The responder is scripted; its
// answers are the openssl program's.

#include "proxy/ocsp_fetcher.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "catch.h"
#include "weir/base/file.h"
#include "weir/http/server.h"

using namespace weir;
using namespace weir::proxy;

namespace {

constexpr const char* kGood = "V\t330101000000Z\t\t1267\tunknown\t/CN=leaf\n";
constexpr const char* kRevoked = "R\t330101000000Z\t260101000000Z\t1267\tunknown\t/CN=leaf\n";

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / ("weir-ocsp-" + std::to_string(getpid()))).string();
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

/// A certificate that names the responder, who answers as it is told.
struct World {
  Folder folder;
  event::Loop loop;
  std::unique_ptr<http::Server> responder;
  int status = 503;
  std::string answer;
  size_t asked = 0;
  size_t news = 0;
  std::string chain;
  std::unique_ptr<OcspFetcher> fetcher;

  explicit World(OcspTiming timing) {
    auto server = http::Server::listen(loop, SocketAddress::parse("127.0.0.1:0").value(),
                                       [this](http::Request, std::shared_ptr<http::Responder> to) {
                                         ++asked;
                                         to->respond({status, {}, answer});
                                       });
    REQUIRE(server);
    responder = std::move(*server);
    std::string key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 ";
    openssl(key + "-keyout ca.key -out ca.pem -subj /CN=ca -addext keyUsage=critical,keyCertSign,digitalSignature");
    openssl(key + "-keyout leaf.key -out leaf.pem -subj /CN=leaf -CA ca.pem -CAkey ca.key -set_serial 4711 " +
            "-addext basicConstraints=critical,CA:FALSE -addext \"authorityInfoAccess=OCSP;URI:http://" +
            responder->address().text() + "/\"");
    chain = read_file(folder.path + "/leaf.pem").value() + read_file(folder.path + "/ca.pem").value();
    fetcher = std::make_unique<OcspFetcher>(
        loop, [this] { ++news; }, timing);
    fetcher->follow({chain});
  }

  void openssl(const std::string& arguments) const {
    INFO(arguments);
    REQUIRE(std::system(("cd " + folder.path + " && openssl " + arguments + " >/dev/null 2>&1").c_str()) == 0);
  }
  /// Without an end: how long it is shown is then the fetcher's choice.
  [[nodiscard]] std::string made(const char* line, const std::string& days = "") const {
    REQUIRE(write_file_atomic(folder.path + "/index.txt", line));
    openssl("ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -issuer ca.pem -cert leaf.pem " + days +
            " -respout answer.der");
    return read_file(folder.path + "/answer.der").value();
  }
  void answer_with(const char* line, const std::string& days = "") {
    answer = made(line, days);
    status = 200;
  }
  [[nodiscard]] const OcspFetcher::Staple& staple() const { return fetcher->staple(chain); }
  template <typename Condition>
  void until(Condition holds) {
    event::Timer guard(loop, [] {});
    guard.start_once(20'000);
    while (!holds() && guard.active()) loop.run_ready();
    REQUIRE(holds());
  }
};

OcspTiming quick() {
  return {.backoff_first_ms = 2, .backoff_max_ms = 8, .refresh_min_ms = 1, .without_end_ms = 2'000};
}

}  // namespace

TEST_CASE("ocsp fetcher: one that fails is asked again and again, told once, and believed when it answers") {
  World world(quick());
  world.until([&] { return world.asked == 6; });
  CHECK(world.news == 1);
  CHECK(world.staple().problem == "status 503");
  CHECK(world.staple().der.empty());
  world.status = 200;
  world.answer = "nonsense";
  world.until([&] { return world.staple().problem.starts_with("OCSP"); });
  CHECK(world.staple().der.empty());
  world.answer_with(kGood, "-ndays 7");
  world.until([&] { return !world.staple().der.empty(); });
  CHECK(world.staple().der == world.answer);
  CHECK(world.staple().problem.empty());
  CHECK(world.news == 3);
  CHECK(world.fetcher->staple("another chain").der.empty());
}

TEST_CASE("ocsp fetcher: the pause between failures doubles up to its limit") {
  // The pause is between half of it and all: from the third failure on the limit holds, however long it lasts.
  World world({.backoff_first_ms = 1, .backoff_max_ms = 60'000, .refresh_min_ms = 1, .without_end_ms = 1});
  uint64_t began_ms = world.loop.now_ms();
  world.until([&] { return world.asked == 8; });
  // Seven pauses: at least (1 + 2 + ... + 64) / 2, rounded down each.
  CHECK(world.loop.now_ms() - began_ms >= 63);
}

TEST_CASE("ocsp fetcher: asked anew when half of its time is over, and shown to its end when that fails") {
  World world(quick());
  world.answer_with(kGood);
  world.until([&] { return !world.staple().der.empty(); });
  std::string first = world.staple().der;
  size_t asked = world.asked;
  world.status = 500;
  world.until([&] { return world.asked > asked && !world.staple().problem.empty(); });
  CHECK(world.staple().der == first);
  CHECK(world.staple().problem == "status 500");
  world.until([&] { return world.staple().der.empty(); });
  CHECK(world.staple().problem == "status 500");
  world.status = 200;
  world.until([&] { return world.staple().der == first; });
  CHECK(world.staple().problem.empty());
}

TEST_CASE("ocsp fetcher: what was good and is revoked is shown no longer") {
  World world(quick());
  world.answer_with(kGood);
  world.until([&] { return !world.staple().der.empty(); });
  world.answer_with(kRevoked);
  world.until([&] { return !world.staple().problem.empty(); });
  CHECK(world.staple().problem.find("revoked") != std::string::npos);
  CHECK(world.staple().der.empty());
}

TEST_CASE("ocsp fetcher: who is not followed any more is not asked, and nothing of it is kept") {
  World world(quick());
  world.answer_with(kGood);
  world.until([&] { return !world.staple().der.empty(); });
  world.fetcher->follow({"no certificate", world.chain.substr(0, world.chain.size() / 2)});
  CHECK(world.staple().der.empty());
}
