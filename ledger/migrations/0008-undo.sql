-- What an undo gives back, {"tables": […] or null, "corrections": […] or null, "force": …, "policy": …}; null: the run is
-- none, or one of an earlier version: all of it, and nothing that was changed since.
alter table run add undo jsonb;
create index run_undo_of on run (undo_of) where undo_of is not null;

-- The number, in the undone run, of the correction that an item takes back; null: the item is none of an undo.
alter table plan_item add undoes bigint;
create index plan_item_undoes on plan_item (run_id, undoes) where undoes is not null;
-- Whether the item overwrites what was changed since the correction that it takes back.
alter table plan_item add forced boolean not null default false;
alter table correction_log add forced boolean not null default false;

update plan_item i set undoes = p.seq
  from run u, plan_item p
 where u.run_id = i.run_id and p.run_id = u.undo_of and p.table_name = i.table_name and p.key_digest = i.key_digest;
