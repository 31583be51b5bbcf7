-- How the items of the run's plan are written out for its digest; 1: frozen by an earlier version.
alter table run add plan_form integer not null default 1;
