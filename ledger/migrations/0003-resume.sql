-- The run whose finished chunks a run took over; null: it compared all of them itself.
alter table run add resumed_from text references run;
