// Who is let in, what it takes to find out, and that nobody else waits for it.

#include "proxy/authenticator.h"

#include <unistd.h>

#include <filesystem>
#include <list>

#include "catch.h"
#include "edge_fixture.h"
#include "weir/base/file.h"
#include "weir/base/text.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

// bcrypt at its least cost. The password is the name.
const std::string kJane = "jane:$2y$04$CCCCCCCCCCCCCCCCCCCCC.YbzMjza7WrHk/.g3wy54b3O5tkq1XrS";
const std::string kJohn = "john:$2y$04$EEEEEEEEEEEEEEEEEEEEE.YxBNQI1.0JBwyMkT8vwnmS2MutMHEy2";
// More than a second of work.
const std::string kSlow = "slow:$2y$15$DDDDDDDDDDDDDDDDDDDDD.psCvVvn1gIcqZrwvOdZp7DA1GMYm23K";

std::string shown(const std::string& credentials) {
  return "Authorization: Basic " + base64_encode(credentials) + "\r\n";
}

struct GuardedEdge : Edge {
  explicit GuardedEdge(std::map<std::string, std::string> options = {{"users", kJane + "," + kJohn}}) {
    guard_with(std::move(options));
    backend = &upstream(answering(ok("in")));
    route(*backend);
  }
  void guard_with(std::map<std::string, std::string> options) {
    middlewares = {{"guard", "basicAuth", std::move(options), {}}};
  }
  /// The status line's number; closes behind it.
  std::string status(const std::string& fields) {
    std::string got = ask(get("/", fields + "Connection: close\r\n"));
    return got.substr(9, 3);
  }
  Upstream* backend;
};

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / ("weir-users-" + std::to_string(getpid()))).string();
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("authentication: nobody comes in without a user's password, and is told what is wanted") {
  GuardedEdge edge;
  for (const std::string& fields :
       {std::string(), shown("jane:john"), shown("jane:"), shown("jane"), shown(":jane"), shown(""), shown("JANE:jane"),
        shown("nobody:jane"), std::string("Authorization: Basic !\r\n"), std::string("Authorization: Basic\r\n"),
        std::string("Authorization: Bearer amFuZTpqYW5l\r\n"), "Proxy-" + shown("jane:jane")}) {
    INFO(fields);
    CHECK(edge.status(fields) == "401");
  }
  CHECK(edge.ask(get("/", "Connection: close\r\n")).find("WWW-Authenticate: Basic realm=\"traefik\"\r\n") !=
        std::string::npos);
  CHECK(edge.backend->all().empty());
  edge.check_balanced();
}

TEST_CASE("authentication: a user comes in, again and again on one connection, and is told to the upstream as asked") {
  GuardedEdge edge({{"users", kJane}, {"headerfield", "X-User"}, {"removeheader", "true"}, {"realm", "the \"house\""}});
  Peer& client = edge.connect();
  for (size_t i = 1; i <= 3; ++i) {
    client.send(get("/", shown("jane:jane") + "X-User: root\r\n"));
    edge.until([&] { return count(client.got, "200 OK") == i; });
  }
  CHECK(count(edge.backend->all(), "X-User: jane\r\n") == 3);
  CHECK(count(edge.backend->all(), "root") == 0);
  CHECK(count(edge.backend->all(), "Authorization") == 0);
  client.send(get());
  edge.until([&] { return client.has("401"); });
  CHECK(client.has("WWW-Authenticate: Basic realm=\"the \\\"house\\\"\"\r\n"));
  edge.check_balanced();
}

TEST_CASE("authentication: a body that comes while the password is weighed goes up whole") {
  GuardedEdge edge;
  std::string body(300'000, 'b');
  // An answer to the head alone would end the connection, and with it the rest of the body.
  Upstream& reader = edge.upstream([&](Peer& peer) {
    if (peer.taken > 0 || count(peer.got, body) == 0) return;
    peer.taken = peer.got.size();
    peer.send(ok("all of it"));
  });
  edge.route(reader);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\n" + shown("john:john") +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  edge.until([&] { return client.has("all of it"); });
  CHECK(count(reader.all(), shown("john:john")) == 1);
  edge.check_balanced();
}

TEST_CASE("authentication: while a slow hash is weighed others are served, and whoever asked may leave") {
  GuardedEdge edge({{"users", kJane + "," + kSlow}});
  CHECK(edge.status(shown("jane:jane")) == "200");
  Peer& slow = edge.connect();
  slow.send(get("/", shown("slow:slow")));
  edge.settle();
  CHECK(edge.worker().collect().exchanges_in_flight == 1);
  CHECK(edge.status(shown("jane:jane")) == "200");
  CHECK(slow.got.empty());
  slow.stream = event::TcpStream();
  edge.until([&] { return edge.worker().collect().exchanges_in_flight == 0; });
  edge.check_balanced();
}

TEST_CASE("authentication: a password that waits for too long to be weighed is answered 503") {
  GuardedEdge edge({{"users", kSlow}});
  Peer& client = edge.connect();
  client.send(get("/", shown("slow:slow")));
  edge.settle();
  edge.pass_ms(edge.config.timeouts.pending_ms);
  edge.until([&] { return client.has("503"); });
  edge.check_balanced();
}

TEST_CASE("authentication: other users count from the first request of the table that has them") {
  GuardedEdge edge;
  CHECK(edge.status(shown("jane:jane")) == "200");
  CHECK(edge.status(shown("john:john")) == "200");
  edge.guard_with({{"users", kJohn}});
  edge.install();
  CHECK(edge.status(shown("jane:jane")) == "401");
  CHECK(edge.status(shown("john:john")) == "200");
}

TEST_CASE("authentication: a file of users is read when it changes, and kept where it breaks") {
  Folder folder;
  std::string file = folder.path + "/users";
  GuardedEdge edge({{"usersfile", file}, {"users", kJohn}});
  CHECK(edge.status(shown("jane:jane")) == "401");  // there is none
  CHECK(edge.status(shown("john:john")) == "200");
  REQUIRE(write_file_atomic(file, "# staff\n" + kJane + "\n"));
  edge.pass_ms(Authenticator::kRefusedMs);
  CHECK(edge.status(shown("jane:jane")) == "200");
  REQUIRE(write_file_atomic(file, "jane:in-the-clear\n"));
  edge.pass_ms(Authenticator::kAcceptedMs);
  CHECK(edge.status(shown("jane:jane")) == "200");
  REQUIRE(write_file_atomic(file, "# nobody\n"));
  edge.pass_ms(Authenticator::kAcceptedMs);
  CHECK(edge.status(shown("jane:jane")) == "401");
}

namespace {

struct Guesser final : Authenticator::Waiter {
  explicit Guesser(int& its_told) : told(its_told) {}
  void on_weighed() override { ++told; }
  int& told;
};

/// Clients of one worker, whose passwords are weighed while the test looks on.
struct Crowd {
  event::Loop loop;
  Authenticator authenticator{loop, std::make_shared<PasswordChecker>()};
  std::list<Guesser> guessers;
  int told = 0;
  int guesses = 0;  // each another: who asks what is being weighed needs no place

  bool ask(const routing::Middleware& guard, const std::string& credentials, const std::string& client) {
    std::string value = "Basic " + base64_encode(credentials);
    http::Header field[] = {{"Authorization", value}};
    http::RequestHead head;
    head.headers = field;
    std::string user;
    CHECK(authenticator.look(guard, head, user) == Authenticator::Verdict::unknown);
    CHECK(user == credentials.substr(0, credentials.find(':')));
    return authenticator.weigh(guard, head, IpAddress::parse(client).value(), guessers.emplace_back(told));
  }
  /// How many guesses of that client find a place.
  size_t guess(const routing::Middleware& guard, const std::string& user, const std::string& client) {
    size_t taken = 0;
    while (taken < 2 * PasswordChecker::kQuestionsMax && ask(guard, user + ":" + std::to_string(guesses++), client)) {
      ++taken;
    }
    return taken;
  }
};

routing::Middleware guard_of(const std::string& line) {
  routing::Middleware out{};
  out.type = routing::Middleware::Type::basic_auth;
  out.password_auth.users = {parse_htpasswd_line(line).value()};
  out.password_auth.users_hash = fnv1a(line);
  return out;
}

}  // namespace

TEST_CASE("authentication: who guesses finds his line full, and others of theirs each a place") {
  Crowd crowd;
  const auto slow = guard_of(kSlow);
  const size_t taken = crowd.guess(slow, "slow", "192.0.2.1");
  CHECK(taken >= PasswordChecker::kQuestionsOfOneMax);
  CHECK(taken <= PasswordChecker::kQuestionsOfOneMax + 2);  // and those that were weighed meanwhile
  CHECK(crowd.ask(slow, "slow:0", "192.0.2.1"));            // of which one waits already
  CHECK_FALSE(crowd.ask(slow, "nobody:x", "192.0.2.1"));    // whoever it claims to be
  CHECK_FALSE(crowd.ask(guard_of(kJane), "jane:right", "192.0.2.1"));
  CHECK(crowd.ask(slow, "slow:right", "192.0.2.2"));
  CHECK(crowd.guess(slow, "nobody", "2001:db8::1") == PasswordChecker::kQuestionsOfOneMax);
  CHECK_FALSE(crowd.ask(slow, "slow:x", "2001:db8::2"));  // one subscriber
}

TEST_CASE("authentication: some who guess together leave everybody else a place") {
  Crowd crowd;
  const auto slow = guard_of(kSlow);
  const auto client = [](size_t number) { return "192.0.2." + std::to_string(number); };
  const size_t many = PasswordChecker::kQuestionsMax / PasswordChecker::kQuestionsOfOneMax + 4;
  for (size_t i = 0; i < many; ++i) crowd.guess(slow, "slow", client(i));
  CHECK(crowd.ask(slow, "slow:right", client(200)));
  CHECK_FALSE(crowd.ask(slow, "slow:wrong", client(200)));
}

TEST_CASE("authentication: a right password waits for one guess of another client, not for all") {
  Crowd crowd;
  // Some 0.1 s each: all of them take longer than the test may.
  const auto guard = guard_of("john:$2y$10$EEEEEEEEEEEEEEEEEEEEE.YxBNQI1.0JBwyMkT8vwnmS2MutMHEy2");
  crowd.guess(guard, "john", "192.0.2.1");
  const auto jane = guard_of(kJane);
  REQUIRE(crowd.ask(jane, "jane:jane", "192.0.2.2"));
  const int before = crowd.told;
  std::string value = "Basic " + base64_encode("jane:jane");
  http::Header field[] = {{"Authorization", value}};
  http::RequestHead head;
  head.headers = field;
  std::string user;
  while (crowd.authenticator.look(jane, head, user) == Authenticator::Verdict::unknown) crowd.loop.run_ready();
  CHECK(crowd.authenticator.look(jane, head, user) == Authenticator::Verdict::accepted);
  CHECK(crowd.told - before <= 4);  // herself, what was being weighed, and a turn of his
}

TEST_CASE("authentication: what nobody waits for any more is not weighed") {
  Crowd crowd;
  const auto slow = guard_of(kSlow);
  const size_t taken = crowd.guess(slow, "slow", "192.0.2.1");
  CHECK_FALSE(crowd.ask(slow, "slow:x", "192.0.2.1"));
  crowd.guessers.clear();
  CHECK(crowd.guess(slow, "slow", "192.0.2.1") >= PasswordChecker::kQuestionsOfOneMax - 1);
  CHECK(taken >= PasswordChecker::kQuestionsOfOneMax);
  CHECK(crowd.told == 0);
}
