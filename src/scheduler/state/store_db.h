#pragma once
// The only file pair of the scheduler that knows SQLite: rows of JSON text by table and key, written in transactions.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::scheduler {

/// One row to write; an empty body deletes it.
struct RowChange {
  std::string_view table;  // one of kStoreTables
  std::string key;
  std::string body;
};

inline constexpr std::string_view kStoreTables[] = {"meta",   "nodes", "jobs",       "job_versions",
                                                    "allocs", "evals", "deployments"};

/// Owned by StateStore. One thread. WAL with synchronous=FULL: when write() has returned success the rows survive kill
/// -9 and loss of power.
class StoreDb {
 public:
  /// Opens or makes `path`; ":memory:" for tests. Refuses a file that another process has open for writing, and one of
  /// a newer format.
  static Result<std::unique_ptr<StoreDb>> open(const std::string& path);
  ~StoreDb();
  StoreDb(const StoreDb&) = delete;
  StoreDb& operator=(const StoreDb&) = delete;

  /// All or nothing.
  Status write(const std::vector<RowChange>& changes);
  using OnRow = std::function<Status(std::string_view key, std::string_view body)>;
  /// Every row of a table in key order; stops at the first error of `on_row` and returns it.
  Status read_all(std::string_view table, const OnRow& on_row);

 private:
  struct Connection;
  explicit StoreDb(std::unique_ptr<Connection> connection);
  Status prepare_tables();
  std::unique_ptr<Connection> connection_;
};

}  // namespace weir::scheduler
