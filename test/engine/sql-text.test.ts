import { oneStatement } from '../../engine/detect/sql-text';

describe('the one statement of an SQL text', () => {
  test.each([
    ['select 1', 'select 1'],
    ['select 1;', 'select 1'],
    [' select 1 ; -- done', 'select 1'],
    ['select 1 -- a; b', 'select 1 -- a; b'],
    ['select 1;\n;/* ; /* ; */ */ ;\n', 'select 1'],
    [`select ';' as a;`, `select ';' as a`],
    [`select 'it''s;' ;`, `select 'it''s;'`],
    [`select E'it\\'s; ' ;`, `select E'it\\'s; '`],
    [`select '\\' ; -- '`, `select '\\'`],
    ['select 1 as "a;""b;" ;', 'select 1 as "a;""b;"'],
    ['select $$;$$, $a$ ; $$ ; $a$ ;', 'select $$;$$, $a$ ; $$ ; $a$'],
    ['select a$b, c$b from t;', 'select a$b, c$b from t'],
    ['select 1 /* ; */', 'select 1 /* ; */'],
  ])('%j is %j', (sql, statement) => {
    expect(oneStatement(sql)).toMatchObject({ ok: true, statement });
  });

  test.each([
    ['', 'there is no statement'],
    [' ; -- x', 'there is no statement'],
    ['select 1; select 2', 'there is a second statement'],
    ['select 1; drop table t; --', 'there is a second statement'],
    ['select 1) as x, (select 2', 'a parenthesis is closed that was not opened'],
    ['select (1', 'a parenthesis is not closed'],
    [`select 'a`, `' is not closed`],
    ['select "a', '" is not closed'],
    ['select /* a', '/* is not closed'],
    ['select $a$ x $b$', '$a$ is not closed'],
  ])('%j is refused: %s', (sql, why) => {
    expect(oneStatement(sql)).toEqual({ ok: false, why });
  });

  test.each([
    ['/* x */ INSERT into t values (1)', 'insert'],
    ['(select 1) union (select 2)', 'select'],
    ['with a as (select 1) select * from a', 'with'],
  ])('%j begins with %s', (sql, firstWord) => {
    expect(oneStatement(sql)).toMatchObject({ ok: true, firstWord });
  });
});
