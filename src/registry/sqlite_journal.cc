#include "registry/sqlite_journal.h"

#include <sqlite3.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "weir/event/loop.h"

namespace weir::registry {
namespace {

constexpr int kSchemaVersion = 1;

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS rows (kind INTEGER NOT NULL, key BLOB NOT NULL, row TEXT NOT NULL,"
    " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

/// A prepared statement. Owned by value; finalized with its owner.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }
  ~Statement() { sqlite3_finalize(statement_); }

  bool prepare(sqlite3* database, const char* sql) {
    return sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) == SQLITE_OK;
  }
  // Bound texts must live until the statement has run.
  void bind(int at, int64_t number) { sqlite3_bind_int64(statement_, at, number); }
  void bind_text(int at, const std::string& text) {
    sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  void bind_blob(int at, const std::string& bytes) {
    sqlite3_bind_blob(statement_, at, bytes.empty() ? "" : bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  }
  int step() { return sqlite3_step(statement_); }
  bool run() {
    int code = step();
    sqlite3_reset(statement_);
    return code == SQLITE_DONE;
  }
  [[nodiscard]] int64_t number(int column) { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::string bytes(int column) {
    const void* data = sqlite3_column_blob(statement_, column);
    auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace

/// The file. Used by one thread at a time.
class SqliteJournal::Database {
 public:
  ~Database() {
    upsert_ = {};
    remove_ = {};
    set_index_ = {};
    sqlite3_close(handle_);
  }

  Status open(const std::string& path) {
    if (sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        nullptr) != SQLITE_OK) {
      return failure(path);
    }
    if (!run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")) {
      return failure(path);
    }
    Statement version;
    if (!version.prepare(handle_, "PRAGMA user_version") || version.step() != SQLITE_ROW) return failure(path);
    if (version.number(0) > kSchemaVersion) {
      return fail(ErrorCode::invalid, path + ": made by a newer version (schema " + std::to_string(version.number(0)) +
                                          ", known is " + std::to_string(kSchemaVersion) + ")");
    }
    version = {};
    if (!run("BEGIN IMMEDIATE") || !run(kSchema) || !run("COMMIT")) return failure(path);
    if (!upsert_.prepare(handle_,
                         "INSERT INTO rows (kind, key, row) VALUES (?1, ?2, ?3)"
                         " ON CONFLICT (kind, key) DO UPDATE SET row = excluded.row") ||
        !remove_.prepare(handle_, "DELETE FROM rows WHERE kind = ?1 AND key = ?2") ||
        !set_index_.prepare(handle_,
                            "INSERT INTO state (name, value) VALUES ('last_index', ?1)"
                            " ON CONFLICT (name) DO UPDATE SET value = excluded.value")) {
      return failure(path);
    }
    return {};
  }

  Result<JournalBatch> load() {
    JournalBatch batch;
    Statement index;
    if (!index.prepare(handle_, "SELECT value FROM state WHERE name = 'last_index'")) return fail(failure_of("load"));
    if (index.step() == SQLITE_ROW) batch.last_index = static_cast<uint64_t>(index.number(0));
    Statement rows;
    if (!rows.prepare(handle_, "SELECT kind, key, row FROM rows ORDER BY kind, key")) return fail(failure_of("load"));
    int code = rows.step();
    for (; code == SQLITE_ROW; code = rows.step()) {
      batch.rows.push_back({static_cast<uint8_t>(rows.number(0)), rows.bytes(1), rows.bytes(2)});
    }
    if (code != SQLITE_DONE) return fail(failure_of("load"));
    return batch;
  }

  Status commit(const JournalBatch& batch) {
    if (run("BEGIN IMMEDIATE") && write(batch) && run("COMMIT")) return {};
    Error error = failure_of("commit");
    // A full disk ends the transaction by itself; most other failures leave it open.
    if (sqlite3_get_autocommit(handle_) == 0) run("ROLLBACK");
    return fail(std::move(error));
  }

 private:
  bool run(const char* sql) { return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK; }

  bool write(const JournalBatch& batch) {
    for (const JournalRow& row : batch.rows) {
      Statement& statement = row.row ? upsert_ : remove_;
      statement.bind(1, row.kind);
      statement.bind_blob(2, row.key);
      if (row.row) statement.bind_text(3, *row.row);
      if (!statement.run()) return false;
    }
    set_index_.bind(1, static_cast<int64_t>(batch.last_index));
    return set_index_.run();
  }

  Error failure_of(const std::string& what) {
    std::string text = what + ": " + sqlite3_errmsg(handle_);
    const int code = sqlite3_errcode(handle_);
    if (code == SQLITE_BUSY) text += " (another registry uses this file)";
    if (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) {
      text += std::string(" (") + std::strerror(sqlite3_system_errno(handle_)) + ")";
    }
    return {ErrorCode::io, std::move(text)};
  }
  Status failure(const std::string& path) { return fail(failure_of(path)); }

  sqlite3* handle_ = nullptr;
  Statement upsert_;
  Statement remove_;
  Statement set_index_;
};

/// The thread, and the one job that waits for it.
class SqliteJournal::Worker {
 public:
  using Job = std::function<std::function<void()>(Database&)>;  // runs on the thread, gives what to call on the loop

  Worker(event::Loop& loop, std::unique_ptr<Database> database) : loop_(loop), database_(std::move(database)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Worker() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    *alive_ = false;
  }

  void submit(Job job) {
    {
      std::lock_guard lock(mutex_);
      job_ = std::move(job);
    }
    wake_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || job_; });
      if (!job_) return;
      Job job = std::exchange(job_, nullptr);
      lock.unlock();
      loop_.post([alive = alive_, report = job(*database_)] {
        if (*alive) report();
      });
      lock.lock();
    }
  }

  event::Loop& loop_;
  std::unique_ptr<Database> database_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // loop's thread
  std::mutex mutex_;
  std::condition_variable wake_;
  Job job_;                // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

Result<std::unique_ptr<SqliteJournal>> SqliteJournal::open(event::Loop& loop, const std::string& path) {
  auto database = std::make_unique<Database>();
  if (Status opened = database->open(path); !opened) return fail(opened.error());
  return std::unique_ptr<SqliteJournal>(new SqliteJournal(std::make_unique<Worker>(loop, std::move(database))));
}

SqliteJournal::SqliteJournal(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {}
SqliteJournal::~SqliteJournal() = default;

void SqliteJournal::load(OnLoaded on_loaded) {
  worker_->submit([on_loaded = std::move(on_loaded)](Database& database) {
    return [on_loaded, loaded = database.load()]() mutable { on_loaded(std::move(loaded)); };
  });
}

void SqliteJournal::commit(JournalBatch batch, OnCommitted on_committed) {
  worker_->submit([batch = std::move(batch), on_committed = std::move(on_committed)](Database& database) {
    return [on_committed, status = database.commit(batch)] { on_committed(status); };
  });
}

}  // namespace weir::registry
