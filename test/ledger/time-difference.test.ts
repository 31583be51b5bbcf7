import type { Difference } from '../../contracts/difference';
import { lossesOf } from '../../engine/detect/precision-loss';
import { PRECISIONS, readLossGroups, readOffsetGroups, type TimeColumn } from '../../ledger/time-difference';
import { comparisonOf, differenceAt, TestLedger } from '../support/ledger';

type Times = readonly (readonly [source: string | null, target: string | null])[];

describe('differing times in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_times');
  });
  afterAll(() => on.drop());

  const COLUMNS: readonly TimeColumn[] = [
    { name: 'at', form: 'instant' },
    { name: 'clock', form: 'time' },
    { name: 'zoned', form: 'timetz' },
  ];

  async function look(columns: Readonly<Record<string, Times>>, resolution?: string) {
    const differences = Object.entries(columns).flatMap(([name, times]) =>
      times.map(([source, target], i): Difference => ({
        ...differenceAt(`${name} ${i}`, 'mismatch'),
        differences: [
          { name, targetName: `t_${name}`, source, target },
          { name: 'other', targetName: 'other', source: 'no time', target: '' },
        ],
      })),
    );
    const runId = await on.runWith([[comparisonOf('t'), differences]]);
    if (resolution !== undefined) {
      await on.test.query(`update trueup.reconciliation_log set resolution = $2 where run_id = $1`, [
        runId,
        resolution,
      ]);
    }
    const groups = await readLossGroups(on.ledger, runId, 't', COLUMNS);
    const masks: Record<string, number> = {};
    const losses = COLUMNS.flatMap(({ name }) => {
      const ofColumn = groups.filter(({ column }) => column === name);
      const found = lossesOf(ofColumn, PRECISIONS.length);
      for (const { loss } of found) masks[name] = (masks[name] ?? 0) | (1 << loss);
      return found.map(({ loss, rows }) => `${name} ${PRECISIONS[loss]?.how} to ${PRECISIONS[loss]?.name} ×${rows}`);
    });
    const offsets = await readOffsetGroups(on.ledger, runId, 't', COLUMNS, masks);
    return [...losses, ...offsets.map(({ column, text, rows, differing }) => `${column} ${text} ${rows}/${differing}`)];
  }
  /** Microseconds. */
  const below = (i: number, more = 0) => String(10 + ((i * 37) % 980) + more).padStart(3, '0');
  /** Times of January 2024 that have nothing round. */
  const at = (i: number, micros = 0) => {
    const moment = new Date(Date.UTC(2024, 0, 1, 3, 17, 11, 123) + i * 5_011_117).toISOString();
    return `${moment.slice(0, 10)} ${moment.slice(11, 23)}${below(i, micros)}+00`;
  };
  const many = (n: number, target: (i: number) => string | null): Times =>
    Array.from({ length: n }, (_, i) => [at(i), target(i)]);
  const moved = (i: number, ms: number) => {
    const moment = new Date(Date.UTC(2024, 0, 1, 3, 17, 11, 123) + i * 5_011_117 + ms).toISOString();
    return `${moment.slice(0, 10)} ${moment.slice(11, 23)}${below(i)}+00`;
  };
  const HOUR = 3_600_000;

  it('the same distance of many rows is one shift; of one or two rows it is chance', async () => {
    expect(await look({ at: many(40, (i) => moved(i, -HOUR)) })).toEqual(['at -01:00:00 40/40']);
    expect(await look({ at: many(2, (i) => moved(i, -HOUR)) })).toEqual([]);
    expect(await look({ at: many(3, (i) => at(i, -1)) })).toEqual(['at -00:00:00.000001 3/3']);
    // A zone counts however many other rows differ; another distance only where it is that of half of them.
    const mixed = (ms: number, n: number) => many(100, (i) => moved(i, i < n ? ms : 1_000 + i * 1_000));
    expect(await look({ at: mixed(5.5 * HOUR, 3) })).toEqual(['at 05:30:00 3/100']);
    expect(await look({ at: mixed(-777, 49) })).toEqual([]);
    expect(await look({ at: mixed(-777, 50) })).toEqual(['at -00:00:00.777 50/100']);
    expect(await look({ at: mixed(27 * HOUR, 40) })).toEqual([]);
    expect(await look({ at: many(9, (i) => moved(i, (i < 5 ? 1 : 2) * HOUR)) })).toEqual([
      'at 01:00:00 5/9',
      'at 02:00:00 4/9',
    ]);
  });

  it('of timestamps with and without a zone, dates, and times of day around midnight; what is corrected counts no more', async () => {
    const rows: Times = Array.from({ length: 4 }, (_, i) => [`2024-01-0${i + 1}`, `2024-01-0${i + 2}`]);
    expect(await look({ at: rows })).toEqual(['at 1 day 4/4']);
    const naive: Times = Array.from({ length: 4 }, (_, i) => [
      `2024-01-0${i + 1} 10:0${i}:01`,
      `2024-01-0${i + 1} 12:0${i}:01+00`,
    ]);
    expect(await look({ at: naive })).toEqual(['at 02:00:00 4/4']);
    const clock: Times = ['21', '22', '23'].map((hour, i) => [`${hour}:15:2${i}`, `0${i}:15:2${i}`]);
    expect(await look({ clock })).toEqual(['clock 03:00:00 3/3']);
    expect(await look({ zoned: clock.map(([a, b]) => [`${a}+01`, `${b}+02`]) })).toEqual(['zoned 02:00:00 3/3']);
    expect(await look({ at: naive }, 'AUTO_CORRECTED')).toEqual([]);
  });

  it('NULL, infinity and years past counting have no distance, and count as differing', async () => {
    const odd: Times = [
      [null, at(1)],
      [at(1), null],
      ['infinity', at(1)],
      [at(1), '-infinity'],
      ['294000-01-01 00:00:00+00', at(1)],
      ['5874897-12-31', '2024-01-01'],
      ['0044-03-15 00:00:00+00 BC', '0044-03-15 01:00:00+00 BC'],
    ];
    expect(await look({ at: odd })).toEqual([]);
    expect(await look({ at: [...odd, ...many(6, (i) => at(i, 7))] })).toEqual([]);
    expect(await look({ at: [...odd, ...many(7, (i) => at(i, 7))] })).toEqual(['at 00:00:00.000007 7/14']);
  });

  it('lost precision is one finding, of the rows that it explains', async () => {
    const cut = (length: number, rest: string) => many(200, (i) => `${at(i).slice(0, length)}${rest}+00`);
    expect(await look({ at: cut(23, '') })).toEqual(['at truncated to milliseconds ×200']);
    expect(await look({ at: cut(19, '') })).toEqual(['at truncated to seconds ×200']);
    expect(await look({ at: cut(16, ':00') })).toEqual(['at truncated to minutes ×200']);
    expect(await look({ at: cut(13, ':00:00') })).toEqual(['at truncated to hours ×200']);
    expect(await look({ at: cut(10, ' 00:00:00') })).toEqual(['at truncated to days ×200']);
    const rounded = many(200, (i) =>
      new Date(Math.round(Date.parse(`${at(i).slice(0, 10)}T${at(i).slice(11, 23)}Z`) / 1000) * 1000).toISOString(),
    );
    expect(await look({ at: rounded })).toEqual(['at rounded to seconds ×200']);
    const two = many(100, (i) => (i < 60 ? `${at(i).slice(0, 19)}+00` : `${at(i).slice(0, 10)} 00:00:00+00`));
    expect(await look({ at: two })).toEqual(['at truncated to seconds ×60', 'at truncated to days ×40']);
    expect(await look({ at: many(2, (i) => `${at(i).slice(0, 19)}+00`) })).toEqual([]);
  });

  it('cut to the day, whole quarters of an hour are no shifts; moved by an hour, whole hours are not cut', async () => {
    const quarters: Times = Array.from({ length: 96 * 4 }, (_, i) => {
      const [day, quarter] = [1 + Math.floor(i / 96), i % 96];
      const clock = `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`;
      return [`2024-01-0${day} ${clock}:00`, `2024-01-0${day} 00:00:00`];
    });
    expect(await look({ at: quarters.filter(([a, b]) => a !== b) })).toEqual(['at truncated to days ×380']);
    const hours: Times = Array.from({ length: 48 }, (_, i) => [moment(i + 1), moment(i)]);
    expect(await look({ at: hours })).toEqual(['at -01:00:00 48/48']);
  });
  const moment = (hours: number) =>
    `2024-02-0${1 + Math.floor(hours / 24)} ${String(hours % 24).padStart(2, '0')}:00:00+00`;
});
