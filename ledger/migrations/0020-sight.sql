-- Why a table could not be read as a whole, so that nothing of it counts as compared: a code of the catalogue and a message.
alter table run_table add column unread jsonb;
