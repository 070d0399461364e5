#include "scheduler/state/store_db.h"

#include <sqlite3.h>

#include <cstring>
#include <map>

#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

constexpr int64_t kFormatVersion = 1;

struct StatementEnd {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, StatementEnd>;

}  // namespace

struct StoreDb::Connection {
  std::string path;
  sqlite3* db = nullptr;
  std::map<std::string, Statement, std::less<>> statements;  // by text; prepared once

  ~Connection() {
    statements.clear();
    sqlite3_close(db);
  }

  [[nodiscard]] tl::unexpected<Error> failure(std::string_view what) const {
    std::string text = path + ": " + std::string(what) + ": " + sqlite3_errmsg(db);
    int code = sqlite3_errcode(db);
    if (code == SQLITE_BUSY) text += " (another server uses this file)";
    if (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) {
      text += std::string(" (") + std::strerror(sqlite3_system_errno(db)) + ")";
    }
    return fail(ErrorCode::io, std::move(text));
  }

  Status run(const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure(sql);
    return {};
  }

  Result<sqlite3_stmt*> statement(const std::string& sql) {
    auto it = statements.find(sql);
    if (it == statements.end()) {
      sqlite3_stmt* made = nullptr;
      if (sqlite3_prepare_v2(db, sql.c_str(), -1, &made, nullptr) != SQLITE_OK) return failure("prepare");
      it = statements.emplace(sql, Statement(made)).first;
    }
    sqlite3_reset(it->second.get());
    sqlite3_clear_bindings(it->second.get());
    return it->second.get();
  }

  static void bind(sqlite3_stmt* statement, int place, std::string_view text) {
    sqlite3_bind_text64(statement, place, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }

  Status apply(const RowChange& change) {
    std::string table(change.table);
    bool remove = change.body.empty();
    auto made = statement(remove ? "DELETE FROM " + table + " WHERE key = ?1"
                                 : "INSERT INTO " + table +
                                       " (key, body) VALUES (?1, ?2) "
                                       "ON CONFLICT (key) DO UPDATE SET body = excluded.body");
    if (!made) return fail(made.error());
    bind(*made, 1, change.key);
    if (!remove) bind(*made, 2, change.body);
    int outcome = sqlite3_step(*made);
    sqlite3_reset(*made);
    if (outcome != SQLITE_DONE) return failure("write to " + table);
    return {};
  }
};

StoreDb::StoreDb(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
StoreDb::~StoreDb() = default;

Result<std::unique_ptr<StoreDb>> StoreDb::open(const std::string& path) {
  auto connection = std::make_unique<Connection>();
  connection->path = path;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &connection->db, flags, nullptr) != SQLITE_OK) {
    return connection->failure("open");
  }
  // Exclusive: two servers on one file would each believe its own memory.
  for (const char* pragma :
       {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"}) {
    if (auto status = connection->run(pragma); !status) return fail(status.error());
  }
  std::unique_ptr<StoreDb> db(new StoreDb(std::move(connection)));
  if (auto status = db->prepare_tables(); !status) return fail(status.error());
  return db;
}

Status StoreDb::prepare_tables() {
  if (auto status = connection_->run("BEGIN IMMEDIATE"); !status) return status;
  for (std::string_view table : kStoreTables) {
    std::string sql = "CREATE TABLE IF NOT EXISTS " + std::string(table) +
                      " (key TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL) WITHOUT ROWID";
    if (auto status = connection_->run(sql.c_str()); !status) return status;
  }
  std::string format;
  auto status = read_all("meta", [&](std::string_view key, std::string_view body) -> Status {
    if (key == "format") format = std::string(body);
    return {};
  });
  if (!status) return status;
  if (format.empty()) {
    status = connection_->apply({.table = "meta", .key = "format", .body = std::to_string(kFormatVersion)});
    if (!status) return status;
  } else if (parse_i64(format).value_or(kFormatVersion + 1) > kFormatVersion) {
    return fail(ErrorCode::conflict, "scheduler state: format " + format + " is newer than this program");
  }
  return connection_->run("COMMIT");
}

Status StoreDb::write(const std::vector<RowChange>& changes) {
  if (auto status = connection_->run("BEGIN IMMEDIATE"); !status) return status;
  for (const RowChange& change : changes) {
    if (auto status = connection_->apply(change); !status) {
      (void)connection_->run("ROLLBACK");
      return status;
    }
  }
  if (auto status = connection_->run("COMMIT"); !status) {
    (void)connection_->run("ROLLBACK");
    return status;
  }
  return {};
}

Status StoreDb::read_all(std::string_view table, const OnRow& on_row) {
  auto made = connection_->statement("SELECT key, body FROM " + std::string(table) + " ORDER BY key");
  if (!made) return fail(made.error());
  for (;;) {
    int outcome = sqlite3_step(*made);
    if (outcome == SQLITE_DONE) break;
    if (outcome != SQLITE_ROW) return connection_->failure("read " + std::string(table));
    auto text = [&](int column) {
      const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(*made, column));
      return std::string_view(bytes, static_cast<size_t>(sqlite3_column_bytes(*made, column)));
    };
    if (auto status = on_row(text(0), text(1)); !status) {
      sqlite3_reset(*made);
      return status;
    }
  }
  sqlite3_reset(*made);
  return {};
}

}  // namespace weir::scheduler
