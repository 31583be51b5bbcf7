import { formatMetricsAddress, parseMetricsAddress } from '../../contracts/metrics-address';

describe('the address of the metrics', () => {
  it.each([
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    [' 0.0.0.0:1 ', { host: '0.0.0.0', port: 1 }],
  ])('%s', (text, address) => {
    expect(parseMetricsAddress(text)).toEqual(address);
    expect(formatMetricsAddress(address)).toBe(text.trim());
  });

  it.each([
    '',
    '9464',
    ':9464',
    '127.0.0.1',
    '127.0.0.1:',
    'h:65536',
    'h:-1',
    'h:9.5',
    '::1:9464',
    'http://h:9464',
    'a b:1',
    '[]:1',
  ])('refuses %j', (text) => expect(parseMetricsAddress(text)).toBeNull());
});
