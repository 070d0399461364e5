// The plan's diff and the choice between in-place and destructive.
#include "scheduler/job_diff.h"

#include <functional>

#include "catch.h"
#include "job_fixture.h"

using namespace weir::scheduler;

namespace {

template <typename Change>
ChangeClass class_of(Change change) {
  Job before = canonical_job();
  Job after = before;
  change(after);
  ChangeClass by_group = classify_group(before, after, "g");
  // The plan's tree must say the same.
  JobDiff diff = diff_jobs(&before, after);
  for (const TaskGroupDiff& group : diff.task_groups) {
    if (group.name == "g") CHECK(group.change == by_group);
  }
  return by_group;
}

/// "Type Name Old -> New" of each field, with the objects around it.
void describe(const std::vector<FieldDiff>& fields, const std::vector<ObjectDiff>& objects, const std::string& path,
              std::vector<std::string>& out) {
  for (const FieldDiff& field : fields) {
    out.push_back(std::string(to_string(field.type)) + " " + path + field.name + " " + field.before + "->" +
                  field.after);
  }
  for (const ObjectDiff& object : objects) describe(object.fields, object.objects, path + object.name + "/", out);
}

std::vector<std::string> described(const JobDiff& diff) {
  std::vector<std::string> out;
  describe(diff.fields, diff.objects, "", out);
  for (const TaskGroupDiff& group : diff.task_groups) {
    describe(group.fields, group.objects, group.name + "/", out);
    for (const TaskDiff& task : group.tasks)
      describe(task.fields, task.objects, group.name + "/" + task.name + "/", out);
  }
  return out;
}

TaskGroup& group_of(Job& job) { return job.task_groups[0]; }
Task& task_of(Job& job) { return job.task_groups[0].tasks[0]; }

}  // namespace

TEST_CASE("job diff: what a task is made of is destructive") {
  using C = ChangeClass;
  CHECK(class_of([](Job& j) { task_of(j).driver = "exec"; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).user = "x"; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).config.as_object()["command"] = Value("/bin/other"); }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).env["A"] = "2"; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).meta["m"] = "2"; }) == C::destructive);
  CHECK(class_of([](Job& j) { group_of(j).meta["m"] = "2"; }) == C::destructive);
  CHECK(class_of([](Job& j) { j.meta["m"] = "2"; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).artifacts.emplace_back().getter_source = "x"; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).templates.emplace_back().dest_path = "x"; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).volume_mounts.emplace_back().volume = "x"; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).resources.cpu_mhz = 200; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).resources.memory_mb = 301; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).log_config.disabled = true; }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).restart_policy.render_templates = true; }) == C::destructive);
  CHECK(class_of([](Job& j) { group_of(j).networks[0].dynamic_ports.push_back(Port{"b"}); }) == C::destructive);
  CHECK(class_of([](Job& j) { group_of(j).networks[0].dynamic_ports[0].to = 80; }) == C::destructive);
  CHECK(class_of([](Job& j) { group_of(j).ephemeral_disk.size_mb = 500; }) == C::destructive);
  CHECK(class_of([](Job& j) { group_of(j).affinities.push_back({"${a.b}", "x", "=", 10}); }) == C::destructive);
  CHECK(class_of([](Job& j) { j.spreads.push_back({"${a.b}", 10, {}}); }) == C::destructive);
  CHECK(class_of([](Job& j) {
          group_of(j).tasks.push_back(task_of(j));
          group_of(j).tasks[1].name = "u";
        }) == C::destructive);
  CHECK(class_of([](Job& j) { task_of(j).name = "u"; }) == C::destructive);
}

TEST_CASE("job diff: what only the agent's bookkeeping needs is in place") {
  using C = ChangeClass;
  CHECK(class_of([](Job& j) { group_of(j).services[0].tags = {"other"}; }) == C::in_place);
  CHECK(class_of([](Job& j) { group_of(j).services[0].canary_tags = {"x"}; }) == C::in_place);
  CHECK(class_of([](Job& j) { group_of(j).services[0].checks[0].path = "/x"; }) == C::in_place);
  CHECK(class_of([](Job& j) { group_of(j).services.clear(); }) == C::in_place);
  CHECK(class_of([](Job& j) { task_of(j).kill_timeout_ns = 1; }) == C::in_place);
  CHECK(class_of([](Job& j) { task_of(j).kill_signal = "SIGINT"; }) == C::in_place);
  CHECK(class_of([](Job& j) { task_of(j).shutdown_delay_ns = 1; }) == C::in_place);
  CHECK(class_of([](Job& j) { task_of(j).leader = true; }) == C::in_place);
  CHECK(class_of([](Job& j) { task_of(j).log_config.max_files = 3; }) == C::in_place);
  CHECK(class_of([](Job& j) { group_of(j).restart_policy.attempts = 9; }) == C::in_place);
  CHECK(class_of([](Job& j) { group_of(j).reschedule_policy->attempts = 9; }) == C::in_place);
  CHECK(class_of([](Job& j) { group_of(j).update->max_parallel = 2; }) == C::in_place);
  CHECK(class_of([](Job& j) { group_of(j).migrate->max_parallel = 2; }) == C::in_place);
  CHECK(class_of([](Job& j) { group_of(j).count = 5; }) == C::in_place);
  CHECK(class_of([](Job& j) { j.priority = 60; }) == C::in_place);
  CHECK(class_of([](Job& j) { j.constraints.push_back({"${a.b}", "x", "="}); }) == C::in_place);
  CHECK(class_of([](Job& j) { j.datacenters = {"dc1"}; }) == C::in_place);
  CHECK(class_of([](Job&) {}) == C::none);
}

TEST_CASE("job diff: meta that a task overrides anyway changes nothing for it") {
  Job before = canonical_job();
  task_of(before).meta["m"] = "task";
  Job after = before;
  after.meta["m"] = "job";
  CHECK(classify_group(before, after, "g") == ChangeClass::none);
  CHECK(described(diff_jobs(&before, after)) == std::vector<std::string>{"Added Meta[m] ->job"});
}

TEST_CASE("job diff: fields have Nomad's names and texts") {
  Job before = canonical_job();
  Job after = before;
  after.priority = 60;
  after.datacenters = {"dc1"};
  group_of(after).count = 5;
  group_of(after).services[0].tags.push_back("new");
  group_of(after).services[0].checks[0].path = "/ready";
  task_of(after).config.as_object()["args"] = Value(Value::List{Value("-v"), Value("-x")});
  task_of(after).env = {{"B", "2"}};
  task_of(after).kill_timeout_ns = 9 * kTestSecond;
  JobDiff diff = diff_jobs(&before, after);
  CHECK(diff.type == DiffType::edited);
  CHECK(described(diff) == std::vector<std::string>{
                               "Edited Priority 50->60",
                               "Deleted Datacenters/Datacenters *->",
                               "Added Datacenters/Datacenters ->dc1",
                               "Edited g/Count 2->5",
                               "Edited g/Service/Check/Path /health->/ready",
                               "Added g/Service/Tags/Tags ->new",
                               "Deleted g/t/Env[A] 1->",
                               "Added g/t/Env[B] ->2",
                               "Edited g/t/KillTimeout 5000000000->9000000000",
                               "Added g/t/Config/args[1] ->-x",
                           });
}

TEST_CASE("job diff: objects without a name are added and deleted, not edited") {
  Job before = canonical_job();
  before.constraints = {{"${a.b}", "1", "="}, {"${c.d}", "1", "="}};
  Job after = before;
  after.constraints[0].r_target = "2";
  JobDiff diff = diff_jobs(&before, after);
  REQUIRE(diff.objects.size() == 2);
  CHECK(diff.objects[0].name == "Constraint");
  CHECK(diff.objects[0].type == DiffType::deleted);
  CHECK(diff.objects[1].type == DiffType::added);
}

TEST_CASE("job diff: no change is None all the way, with the group listed") {
  Job job = canonical_job();
  JobDiff diff = diff_jobs(&job, job);
  annotate(diff, {{"g", DesiredUpdates{.ignore = 2}}});
  CHECK(diff.type == DiffType::none);
  REQUIRE(diff.task_groups.size() == 1);
  CHECK(diff.task_groups[0].type == DiffType::none);
  CHECK(diff.task_groups[0].tasks.empty());
  CHECK(diff.task_groups[0].updates == std::map<std::string, uint64_t>{{"ignore", 2}});
}

TEST_CASE("job diff: a new job is added whole, and a group that goes is deleted whole") {
  Job job = canonical_job();
  JobDiff added = diff_jobs(nullptr, job);
  annotate(added, {{"g", DesiredUpdates{.place = 2}}});
  CHECK(added.type == DiffType::added);
  CHECK(added.task_groups[0].type == DiffType::added);
  CHECK(added.task_groups[0].updates == std::map<std::string, uint64_t>{{"create", 2}});
  CHECK(added.task_groups[0].tasks[0].annotations == std::vector<std::string>{"forces create"});

  Job renamed = job;
  renamed.task_groups[0].name = "h";
  JobDiff diff = diff_jobs(&job, renamed);
  annotate(diff, {});
  REQUIRE(diff.task_groups.size() == 2);
  CHECK(diff.task_groups[0].type == DiffType::deleted);
  CHECK(diff.task_groups[0].tasks[0].annotations == std::vector<std::string>{"forces destroy"});
  CHECK(diff.task_groups[1].type == DiffType::added);
}

TEST_CASE("job diff: annotations say what a change forces") {
  Job before = canonical_job();
  Job after = before;
  group_of(after).count = 1;
  task_of(after).kill_timeout_ns = 1;
  JobDiff diff = diff_jobs(&before, after);
  annotate(diff, {});
  CHECK(diff.task_groups[0].fields[0].annotations == std::vector<std::string>{"forces destroy"});
  CHECK(diff.task_groups[0].tasks[0].annotations == std::vector<std::string>{"forces in-place update"});
  task_of(after).env["A"] = "9";
  diff = diff_jobs(&before, after);
  annotate(diff, {});
  CHECK(diff.task_groups[0].tasks[0].annotations == std::vector<std::string>{"forces create/destroy update"});
}
