// The blocks job and group, and the policies both may hold. See jobspec_blocks.h.

#include <utility>

#include "scheduler/jobspec_blocks.h"

namespace weir::scheduler {

using Labels = BodyReader::Labels;

void read_job(BodyReader& body, const std::string& label, Job& job) {
  job.id = label;
  job.name = label;
  body.text("id", job.id);
  body.text("name", job.name);
  body.text("region", job.region);
  body.text("namespace", job.namespace_);
  body.text("type", job.type);
  body.whole("priority", job.priority);
  body.boolean("all_at_once", job.all_at_once);
  body.texts("datacenters", job.datacenters);
  body.text("node_pool", job.node_pool);
  body.text_map("meta", job.meta);
  read_constraints(body, job.constraints);
  read_affinities(body, job.affinities);
  read_spreads(body, job.spreads);
  read_update(body, job.update);
  read_reschedule(body, "Reschedule", job.reschedule);
  read_migrate(body, job.migrate);
  // A task directly in a job gets a group of its own, named after it, before the others.
  body.blocks("task", "TaskGroups", 1, [&](BodyReader& inner, const Labels& labels) {
    TaskGroup group;
    group.name = labels[0];
    group.count = 1;
    read_task(inner, labels[0], group.tasks.emplace_back());
    job.task_groups.push_back(std::move(group));
  });
  body.blocks("group", "TaskGroups", 1, [&](BodyReader& inner, const Labels& labels) {
    read_group(inner, labels[0], job.task_groups.emplace_back());
  });
  body.not_modelled("periodic", "Periodic");
  body.not_modelled("parameterized", "ParameterizedJob");
  body.not_modelled("multiregion", "Multiregion");
  body.not_modelled("vault", "Vault");
  body.not_modelled("vault_token", "VaultToken");
  body.not_modelled("consul_token", "ConsulToken");
  body.not_modelled("ui", "UI");
  body.finish();
}

namespace {

void read_scaling(BodyReader& body, std::optional<Scaling>& scaling) {
  body.one_block("scaling", "Scaling", [&](BodyReader& inner, const Labels&) {
    scaling.emplace();
    inner.boolean("enabled", scaling->enabled);
    inner.whole("min", scaling->min);
    inner.whole("max", scaling->max);
    inner.text("type", scaling->type);
    if (scaling->type.empty()) scaling->type = "horizontal";
    inner.not_modelled("policy", "Policy");
    inner.finish();
  });
}

void read_volumes(BodyReader& body, std::map<std::string, Volume>& volumes) {
  body.blocks("volume", "Volumes", 1, [&](BodyReader& inner, const Labels& labels) {
    Volume volume;
    volume.name = labels[0];
    inner.text("type", volume.type);
    inner.text("source", volume.source);
    inner.boolean("read_only", volume.read_only);
    inner.text("access_mode", volume.access_mode);
    inner.text("attachment_mode", volume.attachment_mode);
    inner.boolean("per_alloc", volume.per_alloc);
    inner.not_modelled("mount_options", "MountOptions");
    inner.finish();
    if (!volumes.try_emplace(labels[0], std::move(volume)).second) {
      inner.fail_at(inner.begin(), "The volume \"" + labels[0] + "\" is given twice");
    }
  });
}

void read_ephemeral_disk(BodyReader& body, EphemeralDisk& disk) {
  body.one_block("ephemeral_disk", "EphemeralDisk", [&](BodyReader& inner, const Labels&) {
    inner.boolean("sticky", disk.sticky);
    inner.boolean("migrate", disk.migrate);
    inner.whole("size", disk.size_mb);
    inner.finish();
  });
}

}  // namespace

void read_group(BodyReader& body, const std::string& label, TaskGroup& group) {
  group.name = label;
  body.whole("count", group.count);
  body.duration("shutdown_delay", group.shutdown_delay_ns);
  body.text_map("meta", group.meta);
  read_constraints(body, group.constraints);
  read_affinities(body, group.affinities);
  read_spreads(body, group.spreads);
  read_restart(body, group.restart_policy);
  read_reschedule(body, "ReschedulePolicy", group.reschedule_policy);
  read_update(body, group.update);
  read_migrate(body, group.migrate);
  read_ephemeral_disk(body, group.ephemeral_disk);
  read_networks(body, group.networks);
  read_services(body, group.services);
  read_scaling(body, group.scaling);
  read_volumes(body, group.volumes);
  body.blocks("task", "Tasks", 1, [&](BodyReader& inner, const Labels& labels) {
    read_task(inner, labels[0], group.tasks.emplace_back());
  });
  body.not_modelled("stop_after_client_disconnect", "StopAfterClientDisconnect");
  body.not_modelled("max_client_disconnect", "MaxClientDisconnect");
  body.not_modelled("prevent_reschedule_on_lost", "PreventRescheduleOnLost");
  body.not_modelled("disconnect", "Disconnect");
  body.not_modelled("consul", "Consul");
  body.not_modelled("vault", "Vault");
  body.finish();
}

void read_restart(BodyReader& body, RestartPolicy& policy) {
  body.one_block("restart", "RestartPolicy", [&](BodyReader& inner, const Labels&) {
    inner.whole("attempts", policy.attempts);
    inner.duration("interval", policy.interval_ns);
    inner.duration("delay", policy.delay_ns);
    inner.text("mode", policy.mode);
    inner.boolean("render_templates", policy.render_templates);
    inner.finish();
  });
}

void read_reschedule(BodyReader& body, const char* json_name, std::optional<ReschedulePolicy>& policy) {
  body.one_block("reschedule", json_name, [&](BodyReader& inner, const Labels&) {
    policy.emplace();
    inner.whole("attempts", policy->attempts);
    inner.duration("interval", policy->interval_ns);
    inner.duration("delay", policy->delay_ns);
    inner.text("delay_function", policy->delay_function);
    inner.duration("max_delay", policy->max_delay_ns);
    inner.boolean("unlimited", policy->unlimited);
    inner.finish();
  });
}

void read_update(BodyReader& body, std::optional<UpdateStrategy>& update) {
  body.one_block("update", "Update", [&](BodyReader& inner, const Labels&) {
    update.emplace();
    inner.duration("stagger", update->stagger_ns);
    inner.whole("max_parallel", update->max_parallel);
    inner.text("health_check", update->health_check);
    inner.duration("min_healthy_time", update->min_healthy_time_ns);
    inner.duration("healthy_deadline", update->healthy_deadline_ns);
    inner.duration("progress_deadline", update->progress_deadline_ns);
    inner.whole("canary", update->canary);
    inner.boolean("auto_revert", update->auto_revert);
    inner.boolean("auto_promote", update->auto_promote);
    inner.finish();
  });
}

void read_migrate(BodyReader& body, std::optional<MigrateStrategy>& migrate) {
  body.one_block("migrate", "Migrate", [&](BodyReader& inner, const Labels&) {
    migrate.emplace();
    inner.whole("max_parallel", migrate->max_parallel);
    inner.text("health_check", migrate->health_check);
    inner.duration("min_healthy_time", migrate->min_healthy_time_ns);
    inner.duration("healthy_deadline", migrate->healthy_deadline_ns);
    inner.finish();
  });
}

}  // namespace weir::scheduler
