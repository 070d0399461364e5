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

TEST_CASE("authentication: who guesses finds the line full, and who is known does not stand in it") {
  event::Loop loop;
  Authenticator authenticator(loop, std::make_shared<PasswordChecker>());
  routing::Middleware guard;
  guard.password_auth.users = {parse_htpasswd_line(kSlow).value()};
  struct Guesser final : Authenticator::Waiter {
    void on_weighed() override {}
  };
  std::list<Guesser> guessers;
  http::RequestHead head;
  auto guess = [&](const std::string& password) {
    std::string value = "Basic " + base64_encode("slow:" + password);
    http::Header field[] = {{"Authorization", value}};
    head.headers = field;
    std::string user;
    CHECK(authenticator.look(guard, head, user) == Authenticator::Verdict::unknown);
    CHECK(user == "slow");
    return authenticator.weigh(guard, head, guessers.emplace_back());
  };
  size_t taken = 0;
  while (guess(std::to_string(taken)) && taken < 2 * PasswordChecker::kQuestionsMax) ++taken;
  CHECK(taken >= PasswordChecker::kQuestionsMax);
  CHECK(taken <= PasswordChecker::kQuestionsMax + 2);  // and those that were weighed meanwhile
  CHECK(guess("0"));                                   // of which one waits already
}
