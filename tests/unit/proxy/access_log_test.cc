#include "proxy/access_log.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

/// A disk of which the test says how it is.
struct Disk {
  std::mutex lock;
  std::condition_variable changed;
  std::string file;
  size_t room = 1U << 30;  // bytes until it is full
  size_t write_max = 1U << 30;
  bool hangs = false;
  bool hanging = false;  // a write waits
  bool reopen_fails = false;
  size_t reopened = 0;
  size_t failed = 0;

  template <typename Condition>
  void until(Condition holds) {
    std::unique_lock held(lock);
    REQUIRE(changed.wait_for(held, std::chrono::seconds(20), holds));
  }
  template <typename Change>
  void set(Change change) {
    {
      std::lock_guard held(lock);
      change();
    }
    changed.notify_all();
  }
};

class FakeFile final : public LogSink {
 public:
  explicit FakeFile(Disk& disk) : disk_(disk) {}
  Result<size_t> write(std::string_view text) override {
    std::unique_lock held(disk_.lock);
    disk_.hanging = disk_.hangs;
    disk_.changed.notify_all();
    disk_.changed.wait(held, [&] { return !disk_.hangs; });
    disk_.hanging = false;
    size_t taken = std::min({text.size(), disk_.write_max, disk_.room});
    if (taken == 0) {
      ++disk_.failed;
      disk_.changed.notify_all();
      return fail(ErrorCode::io, "no space left");
    }
    disk_.room -= taken;
    disk_.file.append(text.substr(0, taken));
    disk_.changed.notify_all();
    return taken;
  }
  Status reopen() override {
    std::lock_guard held(disk_.lock);
    if (disk_.reopen_fails) return fail(ErrorCode::io, "no such folder");
    disk_.file += "--\n";
    ++disk_.reopened;
    disk_.changed.notify_all();
    return {};
  }

 private:
  Disk& disk_;
};

std::unique_ptr<LogBlock> block(const std::string& line, size_t lines) {
  auto out = std::make_unique<LogBlock>();
  for (size_t i = 0; i < lines; ++i) out->text += line;
  out->lines = lines;
  return out;
}

}  // namespace

TEST_CASE("log writer: what is handed over is written in order, also in pieces, and all of it before the end") {
  Disk disk;
  disk.write_max = 3;
  {
    LogWriter writer(std::make_unique<FakeFile>(disk), 1 << 20);
    for (const char* line : {"one\n", "two\n", "three\n"}) {
      auto full = block(line, 1);
      CHECK(writer.hand_over(full));
      CHECK((full != nullptr && full->text.empty() && full->lines == 0));
    }
  }
  CHECK(disk.file == "one\ntwo\nthree\n");
}

TEST_CASE("log writer: while the disk hangs the queue fills to its limit, then lines are refused and nobody waits") {
  Disk disk;
  disk.hangs = true;
  LogWriter writer(std::make_unique<FakeFile>(disk), 1000);
  auto full = block("0123456789\n", 40);
  CHECK(writer.hand_over(full));
  disk.until([&] { return disk.hanging; });
  full = block("0123456789\n", 40);
  CHECK(writer.hand_over(full));
  full = block("0123456789\n", 40);  // 440 each: the third is above 1000
  CHECK_FALSE(writer.hand_over(full));
  CHECK(full->lines == 0);
  disk.set([&] { disk.hangs = false; });
  disk.until([&] { return disk.file.size() == 880; });
  // There is room again.
  full = block("0123456789\n", 40);
  while (!writer.hand_over(full)) full = block("0123456789\n", 40);
  disk.until([&] { return disk.file.size() == 1320; });
  CHECK(writer.lines_failed() == 0);
}

TEST_CASE("log writer: a full disk loses lines and counts them; the line it cut has an end before the next begins") {
  Disk disk;
  disk.room = 14;
  LogWriter writer(std::make_unique<FakeFile>(disk), 1 << 20);
  auto full = block("line-one\n", 3);
  CHECK(writer.hand_over(full));
  disk.until([&] { return disk.failed > 0; });
  full = block("lost\n", 2);
  CHECK(writer.hand_over(full));
  disk.until([&] { return disk.failed > 1; });
  while (writer.lines_failed() < 4) std::this_thread::yield();
  disk.set([&] { disk.room = 1000; });
  full = block("again\n", 1);
  CHECK(writer.hand_over(full));
  disk.until([&] { return disk.file.ends_with("again\n"); });
  CHECK(disk.file.find("line-one\nline-\nagain\n") == 0);
  CHECK(writer.lines_failed() == 4);  // two of the first block and both of the second
}

TEST_CASE("log writer: reopening loses nothing, and one that fails keeps the old file") {
  Disk disk;
  LogWriter writer(std::make_unique<FakeFile>(disk), 1 << 20);
  auto full = block("before\n", 1);
  CHECK(writer.hand_over(full));
  disk.until([&] { return disk.file == "before\n"; });
  writer.reopen();
  disk.until([&] { return disk.reopened == 1; });
  disk.set([&] { disk.reopen_fails = true; });
  writer.reopen();
  full = block("after\n", 1);
  CHECK(writer.hand_over(full));
  disk.until([&] { return disk.file == "before\n--\nafter\n"; });
  CHECK(disk.reopened == 1);
}

TEST_CASE("access log: a line for each request, formatted when the turn is over, whatever its length") {
  Disk disk;
  auto writer = std::make_unique<LogWriter>(std::make_unique<FakeFile>(disk), 64 << 20);
  config::AccessLogConfig config = config::Config().access_log;
  config.format = config::AccessLogFormat::combined;
  std::string expected;
  {
    // As in a Worker: the log outlives the loop.
    std::optional<event::Loop> loop;
    std::optional<AccessLog> log;
    loop.emplace();
    log.emplace(*loop, config);
    log->set_writer(writer.get());
    for (size_t i = 0; i < 3000; ++i) {
      REQUIRE(log->wants(200, 0, 0));
      AccessRecord record;
      std::string target = "/" + std::to_string(i) + std::string(i * 7 % 900, 'x');
      record.texts[AccessRecord::target] = target;
      log->note(record);
      expected += target + " ";
      if (i % 100 == 0) loop->run_ready();
    }
    loop.reset();
    log.reset();
  }
  writer.reset();
  CHECK(count(disk.file, "\n") == 3000);
  std::string targets;
  for (size_t at = 0; (at = disk.file.find(" /", at)) != std::string::npos;) {
    size_t end = disk.file.find(' ', ++at);
    targets += disk.file.substr(at, end + 1 - at);
  }
  CHECK(targets == expected);
}

TEST_CASE("access log: a record beyond every limit still has its line") {
  Disk disk;
  auto writer = std::make_unique<LogWriter>(std::make_unique<FakeFile>(disk), 64 << 20);
  config::AccessLogConfig config = config::Config().access_log;
  config.format = config::AccessLogFormat::combined;
  event::Loop loop;
  AccessLog log(loop, config);
  log.set_writer(writer.get());
  std::string target(200'000, 'x');
  AccessRecord record;
  record.texts[AccessRecord::target] = target;
  REQUIRE(log.wants(200, 0, 0));
  log.note(record);
  loop.run_ready();
  log.hand_over();
  writer.reset();
  CHECK(count(disk.file, "\n") == 1);
  CHECK(disk.file.find(std::string(4096, 'x') + " ") != std::string::npos);
  CHECK(log.stats().lines == 1);
  log.set_writer(nullptr);
}

TEST_CASE("access log: lines of real requests, refused ones too, say who answered and why not") {
  Disk disk;
  Edge edge;
  edge.config.access_log.format = config::AccessLogFormat::json;
  auto writer = std::make_unique<LogWriter>(std::make_unique<FakeFile>(disk), 1 << 20);
  edge.worker().set_log_writer(writer.get());
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.route(upstream);
  edge.ask(get("/ok", "User-Agent: me\r\nCookie: secret\r\n"));
  edge.ask("GET /other HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
  edge.ask("GET / HTTP/1.1\r\n\r\n");
  edge.route({"http://127.0.0.1:1"});
  edge.ask(get("/refused"));
  edge.ask("HEAD / HTTP/1.1\r\n\r\n");
  edge.settle();
  edge.worker().access_log().hand_over();
  disk.until([&] { return count(disk.file, "\n") == 5; });
  std::vector<std::string> lines;
  for (size_t at = 0; at < disk.file.size(); at = disk.file.find('\n', at) + 1) {
    lines.push_back(disk.file.substr(at, disk.file.find('\n', at) - at));
  }
  INFO(lines[2]);
  auto has = [&](size_t line, std::string_view text) { return lines[line].find(text) != std::string::npos; };
  CHECK(has(0, "\"RequestPath\":\"/ok\""));
  CHECK(has(0, "\"RouterName\":\"r@test\",\"ServiceName\":\"s@test\",\"ServiceURL\":\"" + Edge::url(upstream) + "\""));
  CHECK(has(0, "\"OriginStatus\":200"));
  CHECK(has(0, "\"request_User-Agent\":\"me\""));
  CHECK_FALSE(has(0, "secret"));
  CHECK_FALSE(has(0, "\"Error\""));
  CHECK(has(1, "\"DownstreamStatus\":404"));
  CHECK(has(1, "\"Error\":\"no_route\""));
  CHECK(has(2, "\"DownstreamStatus\":400"));
  CHECK(has(3, "\"DownstreamStatus\":502"));
  CHECK(has(3, "\"Error\":\"connect_failed\""));
  CHECK_FALSE(has(3, "\"OriginStatus\""));
  CHECK(has(2, "\"DownstreamContentSize\":16"));
  CHECK(has(4, "\"DownstreamContentSize\":0"));
  edge.worker().set_log_writer(nullptr);
}

TEST_CASE("proxy errors: each has a status, and only what an endpoint did may be retried") {
  CHECK(row(ProxyError::no_route).status == 404);
  CHECK(row(ProxyError::no_endpoint).status == 503);
  CHECK(row(ProxyError::connect_failed).may_retry);
  CHECK(row(ProxyError::connect_timeout).status == 504);
  CHECK(row(ProxyError::response_timeout).may_retry);  // where retry.on asks for it
  CHECK_FALSE(row(ProxyError::request_timeout).may_retry);
  CHECK(row(ProxyError::draining).word == "draining");
  CHECK(upstream_error({ErrorCode::invalid, ""}) == ProxyError::upstream_malformed);
  CHECK(connect_error({ErrorCode::timeout, ""}) == ProxyError::connect_timeout);
  CHECK(connect_error({ErrorCode::refused, "connect"}) == ProxyError::connect_failed);
  CHECK(connect_error({ErrorCode::refused, "TLS handshake: certificate: certificate has expired"}) ==
        ProxyError::upstream_tls);
  CHECK(upstream_error({ErrorCode::closed, ""}) == ProxyError::upstream_closed);
}
