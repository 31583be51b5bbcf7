-- The part of a plan that an approval is for (null: all of it), and whether it overrides the guard of a table.
alter table decision add tables text[];
alter table decision add operations text[];
alter table decision add override boolean not null default false;
-- When the workflow took the decision; null in the decisions of earlier versions.
alter table decision add decided_at timestamptz;

-- Not approved where other corrections of the plan were: not made, and its finding stays OPEN.
alter table plan_item add left_out boolean not null default false;

-- The tables over their guard, [{"table", "changes", "rows", "limit"}], when the plan was frozen.
alter table run add blocked jsonb not null default '[]';
-- The target's triggers that the plan would fire, [{"table", "operation", "names"}], when it was frozen.
alter table run add triggers jsonb not null default '[]';
