-- Columns of what an item writes whose value is in the target's own form: a person gave it. All others of an item that answers a
-- difference are the source's, and are converted as they were compared.
alter table plan_item add given text[];
